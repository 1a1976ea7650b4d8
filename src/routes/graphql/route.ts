import { buildSchema, execute, getOperationAST, GraphQLError, parse, validate, type DocumentNode, type GraphQLSchema } from "graphql";
import { Hono } from "hono";
import { cors } from "hono/cors";
import { HTTPException } from "hono/http-exception";
import * as z from "zod";
import { noteAction } from "../audit.ts";
import { signingKeyGuard } from "../guard.ts";
import { checkMayAct } from "../may.ts";
import { whoAsks } from "../who.ts";
import { readFields } from "../fields.ts";
import type { SyncContext } from "../app-sync.ts";
import { sizeErrors, TOKENS_MAX } from "./bounds.ts";
import { mutations } from "./mutations.ts";
import { Reader } from "./reader.ts";
import { queries } from "./queries.ts";
import { SCHEMA } from "./schema.graphql.ts";

const requestSchema = z.object({
  query: z.string({ error: "must be a GraphQL query" }).min(1, "must be a GraphQL query"),
  variables: z.record(z.string(), z.unknown()).nullish(),
  operationName: z.string().nullish(),
});

const EXAMPLE = '{"query":"{ functions { id name } }"}';

let schema: GraphQLSchema | undefined;

/** `POST /v0/gql` (inngest-protocol §10.5): 200 with `data` and `errors`, or 422 for what cannot be executed. */
export function graphqlRoutes(context: SyncContext): Hono {
  const app = new Hono();
  app.use("/v0/gql", cors({ origin: "*", allowMethods: ["GET", "POST", "OPTIONS"] }));
  app.use("/v0/gql", signingKeyGuard(context.settings));

  app.post("/v0/gql", async (c) => {
    const { query, variables, operationName } = await readFields(c.req.raw, requestSchema, EXAMPLE);
    schema ??= buildSchema(SCHEMA);
    const document = read(schema, query);
    if (Array.isArray(document)) return c.json({ errors: document.map((error) => error.toJSON()), data: null }, 422);
    await checkOperation(c.req.raw, document, operationName ?? undefined, context);
    const reader = new Reader(context.objects, context.env);
    const result = await execute({
      schema,
      document,
      rootValue: { ...queries(reader), ...mutations(reader, context) },
      variableValues: variables ?? {},
      operationName: operationName ?? undefined,
    });
    for (const error of result.errors ?? []) report(error);
    return c.json({ ...result, errors: result.errors?.map((error) => shown(error).toJSON()) });
  });
  return app;
}

/** A mutation is not for those who only look, and goes into the audit trail by its name. */
async function checkOperation(
  request: Request,
  document: DocumentNode,
  operationName: string | undefined,
  { settings }: SyncContext,
): Promise<void> {
  const operation = getOperationAST(document, operationName);
  if (operation?.operation !== "mutation") return;
  const fields = operation.selectionSet.selections.flatMap((one) => (one.kind === "Field" ? [one.name.value] : []));
  const what = `mutation ${fields.join(", ")}`;
  checkMayAct(await whoAsks(request, settings()), what);
  noteAction(request, what);
}

function read(known: GraphQLSchema, query: string): DocumentNode | GraphQLError[] {
  try {
    const document = parse(query, { maxTokens: TOKENS_MAX });
    const errors = validate(known, document, undefined, { maxErrors: 10 });
    return errors.length > 0 ? [...errors] : orErrors(document, sizeErrors(document));
  } catch (error) {
    if (error instanceof GraphQLError) return [error];
    throw error;
  }
}

function orErrors(document: DocumentNode, errors: GraphQLError[]): DocumentNode | GraphQLError[] {
  return errors.length > 0 ? errors : document;
}

function isOurs({ originalError }: GraphQLError): boolean {
  return originalError != null && !(originalError instanceof HTTPException) && !(originalError instanceof GraphQLError);
}

function report(error: GraphQLError): void {
  if (isOurs(error)) console.error("POST /v0/gql failed", error.originalError);
}

/** What failed inside is in the log, not in an answer. */
function shown(error: GraphQLError): GraphQLError {
  if (!isOurs(error)) return error;
  const { nodes, path } = error;
  return new GraphQLError("the platform failed to answer; the reason is in its log", { nodes, path });
}
