import canonicalize from "canonicalize";
import type { JsonValue } from "./json.ts";
import { bareHash, fromHex, KEY_PREFIX, sha256, toHex } from "./signing-key.ts";

/**
 * Whose body is signed: a request of the server is signed in its canonical JSON form (RFC 8785), a response of an app
 * as its exact bytes (inngest-protocol §5). `canonical`: a request that is known to be written in that form.
 */
export type SignedAs = "request" | "response" | "canonical";

const WINDOW_MS = 5 * 60_000; // inngest-protocol §5, in both directions
const KEYS_REMEMBERED_MAX = 16;

const encoder = new TextEncoder();

/**
 * The `x-inngest-signature` header of a body.
 *
 * @param key  signing key, with or without its `signkey-…-` prefix
 * @param body empty for requests without one
 */
export async function sign(key: string, body: string, nowMs: number, as: SignedAs = "request"): Promise<string> {
  const seconds = String(Math.floor(nowMs / 1000));
  const mac = await crypto.subtle.sign("HMAC", await hmacKey(key), signedBytes(body, seconds, as));
  return `t=${seconds}&s=${toHex(mac)}`;
}

/**
 * Whether a signature header is of this body, by any of these keys, and at most 5 minutes old or ahead. A missing or
 * malformed header and an empty list of keys are simply false.
 */
export async function verify(
  header: string | null | undefined,
  keys: readonly string[],
  body: string,
  nowMs: number,
  as: SignedAs = "request",
): Promise<boolean> {
  const fields = new URLSearchParams(header ?? "");
  const seconds = fields.get("t") ?? "";
  const signature = fromHex(fields.get("s") ?? "");
  if (!/^\d{1,12}$/.test(seconds) || signature?.length !== 32) return false;
  if (Math.abs(nowMs - Number(seconds) * 1000) > WINDOW_MS) return false;
  if (await isSignedBy(keys, signature, signedBytes(body, seconds, as === "request" ? "canonical" : as))) return true;
  // our platform writes its requests in canonical form; others' need not be
  return as === "request" && isSignedBy(keys, signature, signedBytes(body, seconds, as));
}

async function isSignedBy(keys: readonly string[], signature: BufferSource, bytes: BufferSource): Promise<boolean> {
  for (const key of keys) if (await crypto.subtle.verify("HMAC", await hmacKey(key), signature, bytes)) return true; // constant time
  return false;
}

const FINGERPRINT_CHARS = 12; // inngest-protocol §2.5

/** The beginning of a key's hash: enough to compare keys, useless as one. Signing keys are hashed as bearers are. */
export async function keyFingerprint(key: string, kind: "event" | "signing"): Promise<string> {
  const hash = kind === "signing" ? await bareHash(key) : undefined;
  return (hash ?? toHex(await sha256(encoder.encode(key)))).slice(0, FINGERPRINT_CHARS);
}

/**
 * Whether an `Authorization` header carries one of these signing keys: as prefixed hash (TypeScript, Go), as bare hash
 * (Python) or as it is (Go, in part); see inngest-protocol §5.
 */
export async function bearerMatches(header: string | null | undefined, keys: readonly string[]): Promise<boolean> {
  const token = /^bearer +(\S+)$/i.exec(header?.trim() ?? "")?.[1]?.replace(KEY_PREFIX, "");
  if (token === undefined) return false;
  const given = await sha256(encoder.encode(token));
  let isMatch = false;
  for (const key of keys) for (const known of await bearerDigests(key)) if (isEqual(given, known)) isMatch = true;
  return isMatch;
}

const digestsOfKeys = new Map<string, Promise<Uint8Array[]>>();

/** Of all forms in which a key may come; they are compared as digests, so of equal length. */
function bearerDigests(key: string): Promise<Uint8Array[]> {
  return remembered(digestsOfKeys, key, async () => {
    const forms = [await bareHash(key), key.replace(KEY_PREFIX, "")];
    return Promise.all(
      forms.filter((form) => form !== undefined && form !== "").map((form) => sha256(encoder.encode(form))),
    );
  });
}

/** What was made of the last few keys. */
function remembered<T>(known: Map<string, T>, key: string, make: () => T): T {
  const found = known.get(key);
  if (found !== undefined) return found;
  const made = make();
  known.set(key, made);
  const oldest = known.keys().next().value;
  if (known.size > KEYS_REMEMBERED_MAX && oldest !== undefined) known.delete(oldest);
  return made;
}

/** The text that a request's signature covers. */
function canonicalBody(body: string): string {
  if (body === "") return "";
  let value: JsonValue;
  try {
    value = JSON.parse(body);
  } catch {
    return body; // not JSON: its reader will say so
  }
  return canonicalText(value);
}

/** A value in canonical JSON. Parts of a body that are written so make a canonical body, in the order of their names. */
export function canonicalText(value: JsonValue): string {
  try {
    return canonicalize(value) ?? "null";
  } catch {
    return lenientCanonical(value);
  }
}

/**
 * Canonical JSON of values that RFC 8785 refuses: half an emoji, left by cutting a string, is escaped as official SDKs
 * escape it. Otherwise an event that contains one could never be delivered.
 */
function lenientCanonical(value: JsonValue): string {
  if (Array.isArray(value)) return `[${value.map(lenientCanonical).join(",")}]`;
  if (typeof value !== "object" || value === null) return JSON.stringify(value);
  const properties = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
  return `{${properties.map(([key, inner]) => `${JSON.stringify(key)}:${lenientCanonical(inner)}`).join(",")}}`;
}

function signedBytes(body: string, seconds: string, as: SignedAs): BufferSource {
  return encoder.encode((as === "request" ? canonicalBody(body) : body) + seconds);
}

const importedKeys = new Map<string, Promise<CryptoKey>>();

/** The key's text after the prefix, as bytes; importing costs more than signing. */
function hmacKey(key: string): Promise<CryptoKey> {
  const text = key.replace(KEY_PREFIX, "");
  if (text === "") throw new TypeError("signing key: nothing after its prefix"); // an empty key signs for everybody
  return remembered(importedKeys, text, () =>
    crypto.subtle.importKey("raw", encoder.encode(text), { name: "HMAC", hash: "SHA-256" }, false, ["sign", "verify"]),
  );
}

/** Compares digests of equal length without stopping at the first difference. */
function isEqual(a: Uint8Array, b: Uint8Array): boolean {
  let difference = a.length ^ b.length;
  for (const [index, byte] of a.entries()) difference |= byte ^ (b[index] ?? 0);
  return difference === 0;
}
