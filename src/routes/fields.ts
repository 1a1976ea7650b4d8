import { HTTPException } from "hono/http-exception";
import type * as z from "zod";
import { fieldProblem } from "../protocol/fields.ts";
import { isNestedWithin } from "../protocol/json.ts";
import { JSON_DEPTH_MAX } from "../protocol/limits.ts";
import { readBody } from "./body.ts";

/**
 * The fields of a JSON body; one that is empty has none.
 *
 * @throws HTTPException 400 naming field, value and what it may be
 */
export async function readFields<Schema extends z.ZodType>(
  request: Request,
  schema: Schema,
  example: string,
): Promise<z.infer<Schema>> {
  const text = await readBody(request);
  const json = text.trim() === "" ? {} : parseJson(text, example);
  if (typeof json !== "object" || json === null || Array.isArray(json))
    throw new HTTPException(400, { message: `the body must be a JSON object such as ${example}` });
  if (!isNestedWithin(json, JSON_DEPTH_MAX, text))
    throw new HTTPException(400, { message: `the body is nested deeper than the bound of ${JSON_DEPTH_MAX}` });
  return checkFields(json, schema);
}

/** @throws HTTPException 400 that shows what a body may be */
export function parseJson(text: string, example: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new HTTPException(400, { message: `the body must be JSON such as ${example}` });
  }
}

/** @throws HTTPException 400 naming field, value and what it may be */
export function checkFields<Schema extends z.ZodType>(fields: object, schema: Schema): z.infer<Schema> {
  const parsed = schema.safeParse(fields);
  if (parsed.success) return parsed.data;
  throw new HTTPException(400, { message: fieldProblem(parsed.error, fields) });
}
