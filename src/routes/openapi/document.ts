import * as z from "zod";
import { createDocument, type ZodOpenApiOperationObject, type ZodOpenApiPathsObject } from "zod-openapi";
import { apps } from "./apps.ts";
import { errorV2, error, type Group, type Operation, type Security } from "./operation.ts";
import { events } from "./events.ts";
import { functions } from "./functions.ts";
import { platform } from "./platform.ts";
import { bulk } from "./bulk.ts";
import { realtime } from "./realtime.ts";
import { functionSchema, appSchema } from "./registered.ts";
import { runListItem, runRow, runs, runSchema, stepSchema, waitingReason, wireError } from "./runs.ts";
import { schedules, scheduleSchema } from "./schedules.ts";
import { functionV2, runV2, v2 } from "./v2.ts";

/** Everything that is said of the API; each group is in the file of its name. */
export const groups: readonly Group[] = [runs, events, functions, apps, bulk, schedules, realtime, platform, v2];

/** Shapes that have a name of their own. */
const components: Record<string, z.ZodType> = {
  Error: error,
  ErrorV2: errorV2,
  Run: runSchema,
  RunListItem: runListItem,
  RunRow: runRow,
  Step: stepSchema,
  WaitingReason: waitingReason,
  WireError: wireError,
  Function: functionSchema,
  App: appSchema,
  Schedule: scheduleSchema,
  RunV2: runV2,
  FunctionV2: functionV2,
};

const SECURITY: Record<Security, { signingKey: string[] }[]> = {
  "signing key": [{ signingKey: [] }],
  "event key": [],
  token: [],
  open: [],
};

const INTRODUCTION = `Durable workflows on Cloudflare, API- and wire-compatible with Inngest.

Answers of v1 stand in \`data\`, beside \`metadata\`; lists that have pages take \`limit\` and \`cursor\`. Errors have one shape,
\`{ error, code?, status, data: null }\`, those of v2 \`{ errors: [{ code, message }] }\`, as Inngest's. Further fields may be added to
any answer. Requests name a branch environment by the header \`x-inngest-env\`; without it they mean the main one. In dev mode, which
answers this machine alone, no key is asked for.`;

/** The platform's HTTP API as an OpenAPI document, made from the schemas that its routes validate with. */
export function openApiDocument(version: string): object {
  return createDocument(
    {
      openapi: "3.1.1",
      info: {
        title: "@dotdo/inngest",
        version,
        description: INTRODUCTION,
        license: { name: "MIT", identifier: "MIT" },
      },
      servers: [{ url: "/" }],
      tags: groups.map(({ name, says }) => ({ name, description: says })),
      security: SECURITY["signing key"],
      paths: paths(),
      components: {
        schemas: components,
        securitySchemes: {
          signingKey: {
            type: "http",
            scheme: "bearer",
            description: "The signing key, plain or hashed as SDKs send it; a read key where nothing is changed",
          },
        },
      },
    },
    {
      allowEmptySchema: { custom: true },
      override: ({ zodSchema, jsonSchema, io }) => shown(zodSchema, jsonSchema, io),
    },
  );
}

/** What zod says of a schema, put right for readers of the document. */
function shown(schema: z.core.$ZodTypes, jsonSchema: Record<string, unknown>, io: "input" | "output"): void {
  if (jsonSchema.format === "date-time") delete jsonSchema.pattern; // it is as long as the rest, and says the same
  if (schema._zod.def.type === "custom") {
    // checks what JSON.parse has made by its kind alone
    const [isObject, isList] = [{}, []].map((value) => z.safeParse(schema, value).success);
    if (isObject !== isList) jsonSchema.type = isObject ? "object" : "array";
  }
  if (io === "output" && jsonSchema.additionalProperties === false) delete jsonSchema.additionalProperties; // more may come
}

function paths(): ZodOpenApiPathsObject {
  const all: Record<string, Record<string, ZodOpenApiOperationObject>> = {};
  for (const group of groups)
    for (const one of group.operations) {
      const [method = "", path = ""] = one.at.split(" ");
      (all[documentPath(path)] ??= {})[method.toLowerCase()] = described(group.name, path, one);
    }
  return all;
}

/** `/v1/runs/:id` is `/v1/runs/{id}` here, and what a parameter may hold is said by its schema. */
export function documentPath(path: string): string {
  return path.replaceAll(/:(\w+)(\{[^}]*\})?\??/g, "{$1}");
}

function described(tag: string, path: string, one: Operation): ZodOpenApiOperationObject {
  const names = [...path.matchAll(/(?<=\/([\w:-]*))\/:(\w+)/g)];
  const isV2 = path.startsWith("/v2/");
  const errorContent = { "application/json": { schema: isV2 ? errorV2 : error } };
  const answer =
    one.answer === null ? {} : { content: { [one.answerType ?? "application/json"]: { schema: one.answer } } };
  return {
    operationId: one.id,
    tags: [tag],
    summary: one.says,
    ...(one.more !== undefined && { description: one.more }),
    ...(one.security !== undefined && { security: SECURITY[one.security] }),
    parameters: names.map(([, noun = "", name = ""]) => ({
      in: "path" as const,
      name,
      required: true,
      description: PARAMETERS[`${noun}/${name}`] ?? PARAMETERS[name] ?? `\`${name}\` of ${noun}`,
      schema: { type: "string" as const },
    })),
    ...(one.query && { requestParams: { query: one.query } }),
    ...(one.body && {
      requestBody: { required: !one.isBodyOptional, content: { "application/json": { schema: one.body } } },
    }),
    responses: {
      [`${one.status ?? 200}`]: { description: one.says, ...answer },
      ...Object.fromEntries(
        Object.entries(one.errors ?? {}).map(([status, description]) => [
          status,
          { description, content: errorContent },
        ]),
      ),
      default: { description: "An error", content: errorContent },
    },
  };
}

/** What is in a path, by the part before it. */
const PARAMETERS: Record<string, string> = {
  "runs/id": "ULID of a run",
  "runs/runId": "ULID of a run",
  "events/id": "Internal id of an event, a ULID",
  "functions/id": "A function's slug, `<app>-<function>`, or its uuid",
  "invoke/slug": "A function's slug, `<app>-<function>`, or its uuid",
  "apps/id": "An app's id",
  "apps/app": "An app's id, or its uuid",
  "functions/fn": "A function's id within its app, its slug, or its uuid",
  "steps/hash": "A step's hash",
  "steps/step": "A step's id as its code names it, or its hash",
  "connections/id": "A worker's connection",
  "cancellations/id": "ULID of a bulk cancellation",
  "replays/id": "ULID of a bulk replay",
  "prom/env": "An environment's name",
  "parked/log": "Name of a log",
  from: "Place in the log at which the parked events begin",
  "schedules/id": "A schedule's id",
  "envs/name": "A branch environment's name",
  "e/key": "An event key",
};
