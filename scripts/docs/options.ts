/** Options as the code itself documents them: the members of an interface with their doc comments. */
export interface Option {
  name: string;
  isRequired: boolean;
  type: string;
  says: string;
}

const MEMBER = /\/\*\*(?<comment>[\s\S]*?)\*\/\s*(?<name>\w+)(?<optional>\?)?:\s*(?<type>[^;]+);/g;

/**
 * Reads the members of `export interface <name>` in a source text. A member that is only for tests is left out.
 *
 * @throws Error when there is no such interface, or one of its members has no comment
 */
export function optionsOf(source: string, name: string): Option[] {
  const body = new RegExp(`export interface ${name}\\b[^{]*\\{\\n([\\s\\S]*?)\\n\\}`).exec(source)?.[1];
  if (body === undefined) throw new Error(`there is no \`export interface ${name}\``);
  const members = [...body.matchAll(MEMBER)].map(({ groups = {} }) => ({
    name: groups.name ?? "",
    isRequired: groups.optional === undefined,
    type: (groups.type ?? "").trim(),
    says: sentence(groups.comment ?? ""),
  }));
  const uncommented = body
    .replaceAll(MEMBER, "")
    .replaceAll(/\/\*[\s\S]*?\*\//g, "")
    .trim();
  if (uncommented !== "") throw new Error(`${name}: no doc comment above: ${uncommented}`);
  return members.filter((member) => !member.says.startsWith("For tests"));
}

function sentence(comment: string): string {
  const text = comment
    .split("\n")
    .map((line) => line.replace(/^\s*\*?\s?/, "").trim())
    .filter((line) => line !== "")
    .join(" ")
    .replace("@deprecated", "Deprecated:")
    .replaceAll(/\{@link (\w+)\}/g, "`$1`");
  return text.charAt(0).toUpperCase() + text.slice(1);
}
