/** JSON that is given on the command line: itself, a file, or what is piped in. */
import { readFileSync } from "node:fs";
import { text } from "node:stream/consumers";
import { usageError } from "./exit-codes.ts";

/**
 * @param given JSON, `@file`, or `-` for stdin
 * @throws CommandError naming the option and what is wrong with the text
 */
export async function readJson(given: string, name: string): Promise<unknown> {
  const source = await readText(given, name);
  try {
    return JSON.parse(source) as unknown;
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw usageError(
      `${name} is not JSON (${why}); quote it for the shell, '{"a":1}', or read it from a file: @data.json, or from stdin: -`,
    );
  }
}

/** The same, of an object. */
export async function readJsonObject(given: string, name: string): Promise<Record<string, unknown>> {
  const value = await readJson(given, name);
  if (typeof value === "object" && value !== null && !Array.isArray(value)) return value as Record<string, unknown>;
  throw usageError(`${name} must be a JSON object, such as '{"a":1}'`);
}

async function readText(given: string, name: string): Promise<string> {
  if (given === "-") return text(process.stdin);
  if (!given.startsWith("@")) return given;
  try {
    return readFileSync(given.slice(1), "utf8");
  } catch (error) {
    const code = error instanceof Error && "code" in error ? String(error.code) : String(error);
    throw usageError(`${name}: the file ${given.slice(1)} cannot be read (${code})`);
  }
}
