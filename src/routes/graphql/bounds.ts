/** How large a query may be, since each of its fields may cost a request of an object. */
import { GraphQLError, Kind, type DocumentNode, type FragmentDefinitionNode, type SelectionSetNode } from "graphql";

export const DEPTH_MAX = 15;
export const FIELDS_MAX = 1_000;
export const TOKENS_MAX = 5_000;
/** Requests of objects that a query may cause: an invocation may make only so many. */
export const LOOKUPS_MAX = 500;

/** What is wrong with the size of a valid document; none when nothing is. */
export function sizeErrors(document: DocumentNode): GraphQLError[] {
  const fragments = new Map<string, FragmentDefinitionNode>();
  for (const definition of document.definitions)
    if (definition.kind === Kind.FRAGMENT_DEFINITION) fragments.set(definition.name.value, definition);
  let fields = 0;
  let deepest = 0;
  const walk = ({ selections }: SelectionSetNode, depth: number): void => {
    deepest = Math.max(deepest, depth);
    for (const selection of selections) {
      if (fields > FIELDS_MAX || deepest > DEPTH_MAX) return; // fragments may multiply without end
      if (selection.kind === Kind.FIELD) {
        fields += 1;
        if (selection.selectionSet) walk(selection.selectionSet, depth + 1);
      } else if (selection.kind === Kind.INLINE_FRAGMENT) walk(selection.selectionSet, depth);
      else {
        const fragment = fragments.get(selection.name.value);
        if (fragment) walk(fragment.selectionSet, depth);
      }
    }
  };
  for (const definition of document.definitions)
    if (definition.kind === Kind.OPERATION_DEFINITION) walk(definition.selectionSet, 1);
  if (deepest > DEPTH_MAX)
    return [new GraphQLError(`the query is nested deeper than the bound of ${DEPTH_MAX} levels`)];
  if (fields > FIELDS_MAX) return [new GraphQLError(`the query asks for more than the bound of ${FIELDS_MAX} fields`)];
  return [];
}

/** What one query has asked of objects. */
export class Lookups {
  #count = 0;

  /** @throws GraphQLError when the query has asked too much */
  spend(count = 1): void {
    this.#count += count;
    if (this.#count > LOOKUPS_MAX)
      throw new GraphQLError(
        `the query needs more than the bound of ${LOOKUPS_MAX} lookups; ask for fewer rows, with \`first\` or \`limit\``,
      );
  }
}
