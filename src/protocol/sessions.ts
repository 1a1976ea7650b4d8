/**
 * Sessions tie events and runs of one conversation together: `meta.sessions` of an event, by key (inngest-protocol §1.1).
 *
 * An event arrives with two layers: those its sender wrote, and those it inherits from the run that sent it. They become
 * one when it is accepted; only that one is stored.
 */
import { byteLength, isObject, type JsonObject } from "./json.ts";
import { SESSION_ID_MAX_BYTES, SESSION_KEY_MAX_BYTES, SESSIONS_PER_EVENT_MAX } from "./limits.ts";

/** Ids by key, as they are stored. */
export type Sessions = Record<string, string>;

/** Sessions that no event can have; names the field, the value and the bound. */
export class SessionsError extends TypeError {
  readonly code = "sessions_invalid";
}

/**
 * `meta` as it is stored. What the sender wrote wins; sessions that are inherited fill the places that are left, in the
 * order of their keys' bytes. A key that the sender set to null is not inherited, and nothing is when `sessions` is null.
 *
 * @param field what to call `meta` in errors
 * @returns undefined when nothing is left
 * @throws SessionsError
 */
export function resolveMeta(meta: JsonObject, field: string): JsonObject | undefined {
  const { sessions: written, propagated_sessions: propagated, ...others } = meta;
  const own = readLayer(written, `${field}.sessions`, true);
  const inherited = readLayer(propagated, `${field}.propagated_sessions`, false);
  const cut = new Set(isObject(written) ? Object.keys(written) : []);
  const manual = own.filter((entry): entry is [string, string] => entry[1] !== null);
  if (manual.length > SESSIONS_PER_EVENT_MAX)
    throw new SessionsError(`${field}.sessions: has ${manual.length} sessions; the bound is ${SESSIONS_PER_EVENT_MAX}`);
  const free = inherited
    .filter((entry): entry is [string, string] => entry[1] !== null && written !== null && !cut.has(entry[0]))
    .sort(([a], [b]) => compareBytes(a, b))
    .slice(0, SESSIONS_PER_EVENT_MAX - manual.length);
  const sessions = Object.fromEntries([...manual, ...free]);
  const resolved: JsonObject = Object.keys(sessions).length === 0 ? others : { ...others, sessions };
  return Object.keys(resolved).length === 0 ? undefined : resolved;
}

/**
 * The sessions of a run: those that all of its events share, by key and id. Events it sends inherit them.
 *
 * @returns undefined when there are none
 */
export function commonSessions(events: readonly { meta?: unknown }[]): Sessions | undefined {
  const [first, ...others] = events.map(storedSessions);
  const shared = [...(first ?? [])].filter(([key, id]) => others.every((other) => other.get(key) === id));
  if (shared.length === 0) return undefined;
  return Object.fromEntries(shared.sort(([a], [b]) => compareBytes(a, b)).slice(0, SESSIONS_PER_EVENT_MAX));
}

/** A layer's entries; null is a key that the sender cuts, which only the sender's own layer may. */
function readLayer(layer: unknown, field: string, mayCut: boolean): [string, string | null][] {
  if (layer === undefined || layer === null) return [];
  if (!isObject(layer)) throw new SessionsError(`${field}: ${shown(layer)} is not an object of session ids by key`);
  return Object.entries(layer).map(([key, value]) => {
    if (key === "") throw new SessionsError(`${field}: a session's key must not be empty`);
    if (byteLength(key) > SESSION_KEY_MAX_BYTES)
      throw new SessionsError(
        `${field}: the key ${shown(key)} has ${byteLength(key)} bytes; the bound is ${SESSION_KEY_MAX_BYTES}`,
      );
    if (value === null && mayCut) return [key, null];
    if (typeof value !== "string" && !(typeof value === "number" && Number.isFinite(value)))
      throw new SessionsError(`${field}.${key}: ${shown(value)} is not a session id; it must be a string or a number`);
    const id = String(value);
    if (id === "") throw new SessionsError(`${field}.${key}: a session's id must not be empty`);
    if (byteLength(id) > SESSION_ID_MAX_BYTES)
      throw new SessionsError(
        `${field}.${key}: ${shown(id)} has ${byteLength(id)} bytes; the bound is ${SESSION_ID_MAX_BYTES}`,
      );
    return [key, id];
  });
}

function storedSessions({ meta }: { meta?: unknown }): Map<string, string> {
  const sessions = isObject(meta) ? meta.sessions : undefined;
  if (!isObject(sessions)) return new Map();
  const entries = Object.entries(sessions).flatMap(([key, id]): [string, string][] =>
    typeof id === "string" || typeof id === "number" ? [[key, String(id)]] : [],
  );
  return new Map(entries);
}

/** The order of the UTF-8 bytes, which is that of code points: not of UTF-16 units, as `<` has it. */
function compareBytes(a: string, b: string): number {
  const [left, right] = [Array.from(a), Array.from(b)];
  const at = left.findIndex((char, index) => char !== right[index]);
  if (at === -1) return left.length - right.length;
  return (left[at]?.codePointAt(0) ?? -1) - (right[at]?.codePointAt(0) ?? -1);
}

function shown(value: unknown): string {
  if (typeof value === "number") return String(value); // JSON has no NaN
  const text = JSON.stringify(value) ?? typeof value;
  return text.length > 60 ? `${text.slice(0, 60)}…` : text;
}
