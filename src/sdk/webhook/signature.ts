import { base64, base64url, hex } from "@scure/base";
import { durationMs } from "../../protocol/time-string.ts";
import type { UnverifiedDelivery, Verdict } from "./verifier.ts";

const TOLERANCE_MS = 5 * 60_000; // Standard Webhooks, Stripe and Slack alike

const encoder = new TextEncoder();

export type Algorithm = "sha1" | "sha256" | "sha384" | "sha512";
export type Encoding = "hex" | "base64" | "base64url";

const HASHES = { sha1: "SHA-1", sha256: "SHA-256", sha384: "SHA-384", sha512: "SHA-512" } as const;

/** Whether any of the signatures is of these bytes, by any of the keys; compared in constant time. */
export async function isSigned(
  keys: readonly Uint8Array<ArrayBuffer>[],
  signatures: readonly Uint8Array<ArrayBuffer>[],
  bytes: Uint8Array<ArrayBuffer>,
  algorithm: Algorithm = "sha256",
): Promise<boolean> {
  for (const key of keys) {
    const hmac = { name: "HMAC", hash: HASHES[algorithm] };
    const imported = await crypto.subtle.importKey("raw", key, hmac, false, ["verify"]);
    for (const signature of signatures) if (await crypto.subtle.verify("HMAC", imported, signature, bytes)) return true;
  }
  return false;
}

/** Bytes of an encoded signature behind its prefix; undefined for what is not one. */
export function decodeSignature(text: string, encoding: Encoding, prefix = ""): Uint8Array<ArrayBuffer> | undefined {
  if (!text.startsWith(prefix)) return undefined;
  const code = text.slice(prefix.length);
  try {
    if (encoding === "hex") return Uint8Array.from(hex.decode(code.toLowerCase()));
    if (encoding === "base64") return Uint8Array.from(base64.decode(code));
    return Uint8Array.from(base64url.decode(code.padEnd(Math.ceil(code.length / 4) * 4, "=")));
  } catch {
    return undefined;
  }
}

/** UTF-8 of a text. */
export function utf8(text: string): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(encoder.encode(text)); // its own buffer, which WebCrypto's types ask for
}

/** A text with bytes behind it, as most providers sign. */
export function prefixed(prefix: string, bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  const start = utf8(prefix);
  const all = new Uint8Array(start.length + bytes.length);
  all.set(start);
  all.set(bytes, start.length);
  return all;
}

/** Names content that has no id of its own. */
export async function hashOf(bytes: Uint8Array<ArrayBuffer>): Promise<string> {
  return hex.encode(new Uint8Array(await crypto.subtle.digest("SHA-256", bytes)));
}

/**
 * How old, or how far ahead, a signed timestamp may be.
 *
 * @param tolerance default 5 minutes
 * @throws TypeError naming the verifier
 */
export function toleranceOf(tolerance: number | string | undefined, verifier: string): number {
  return tolerance === undefined ? TOLERANCE_MS : durationMs(tolerance, `${verifier}: tolerance`);
}

/** Why a signed timestamp is not accepted; undefined when it is. */
export function staleness(seconds: string, toleranceMs: number, now: number): string | undefined {
  if (!/^\d{1,12}$/.test(seconds)) return "its timestamp is not a number of seconds";
  const offMs = now - Number(seconds) * 1000;
  if (Math.abs(offMs) <= toleranceMs) return undefined;
  const off = `${Math.round(Math.abs(offMs) / 1000)} s ${offMs > 0 ? "old" : "ahead"}`;
  return `its timestamp is ${off}, and ${toleranceMs / 1000} s are allowed; if it was not held back, the clock of one side is wrong`;
}

/** A header that the provider always sends, or what is to be answered without it. */
export function requiredHeader(delivery: UnverifiedDelivery, name: string): string | undefined {
  return delivery.headers.get(name)?.trim() || undefined;
}

export function missing(header: string): Verdict {
  return { kind: "refused", why: `the header ${header} is missing` };
}

export function mismatch(header: string): Verdict {
  return {
    kind: "refused",
    why: `no signature in ${header} is of this body and secret: the secret is another one, or something on the way changed the body`,
  };
}

/** The parsed body when it is a JSON object. Only for bodies that have been verified. */
export function jsonObject(bytes: Uint8Array): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(new TextDecoder().decode(bytes));
    return typeof value === "object" && value !== null ? { ...value } : {};
  } catch {
    return {};
  }
}
