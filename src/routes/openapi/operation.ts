/**
 * What is said of a route to people and programs: beside its path the schemas that it validates with, and what it answers.
 * Groups of them stand in the files beside this one; `document.ts` makes the OpenAPI document of them all.
 */
import * as z from "zod";

/** Who may use it: whoever has the signing key, if nothing is said. */
export type Security = "signing key" | "event key" | "token" | "open";

export interface Operation {
  /** method and path, as the router has them */
  at: `${"GET" | "POST" | "PATCH" | "DELETE"} /${string}`;
  /** its name in clients that are made from the document */
  id: string;
  says: string;
  /** what else there is to know */
  more?: string;
  query?: z.ZodObject;
  /** what the request's body is; absent: it has none */
  body?: z.ZodType;
  /** nothing in the body stands for every default */
  isBodyOptional?: boolean;
  /** what the answer's body is; null: it is empty */
  answer: z.ZodType | null;
  /** of the answer; JSON if nothing is said */
  answerType?: string;
  /** of a success; 200 if nothing is said */
  status?: 200 | 201 | 202 | 204;
  /** errors that need a word; all of them have the same form */
  errors?: Record<number, string>;
  security?: Security;
}

export interface Group {
  name: string;
  says: string;
  operations: Operation[];
}

export const instant = z.iso.datetime({ offset: true });

/** A value of any shape, as apps send and return it. */
export const anyJson = z.unknown();

export const jsonObject = z.record(z.string(), z.unknown());

export const flag = z.enum(["true", "false"]);

export const runId = z.string().describe("ULID of a run");

/** The form of every answer of the v1 API. */
export function enveloped(data: z.ZodType) {
  return z.object({ data, metadata: z.object({ fetched_at: instant, cached_until: z.null() }) });
}

/** The same of a list that has pages. */
export function paged(item: z.ZodType, more: z.ZodRawShape = {}) {
  const page = z.object({
    cursor: z.string().nullable().describe("`cursor` of the request for the next page; null on the last"),
    ...more,
  });
  return z.object({ data: z.array(item), metadata: z.object({ fetched_at: instant, cached_until: z.null() }), page });
}

/** What most pages say beside their cursor. */
export const pageSize = { has_more: z.boolean(), limit: z.int() };

export const error = z.object({
  error: z.string().describe("What is wrong, with field, value and bound, and what to do"),
  code: z.string().optional().describe("A stable name, for errors that programs tell apart: docs/errors.md"),
  status: z.int().describe("The HTTP status once more"),
  data: z.null(),
});

export const errorV2 = z.object({
  data: z.unknown().optional(),
  errors: z.array(z.object({ code: z.string(), message: z.string() })),
});
