/** Where in a trace an execution call stands: the W3C headers that SDKs copy into their spans (inngest-protocol §0.1, §9.9). */
import { sha256 } from "@noble/hashes/sha2.js";
import { bytesToHex, utf8ToBytes } from "@noble/hashes/utils.js";
import { uuidOf } from "./ids.ts";

/** The trace of a run: every call and step of it has the same. 32 hexadecimal digits, never all zero. */
export function traceIdOf(runId: string): string {
  return hash(`trace\0${runId}`, 16);
}

/** A span of a run's trace, named by what it is about: a call's reference, a step's hash. 16 hexadecimal digits. */
export function spanIdOf(runId: string, about: string): string {
  return hash(`span\0${runId}\0${about}`, 8);
}

/** `traceparent` of what happens below a span: always sampled. */
export function traceParent(runId: string, about: string): string {
  return `00-${traceIdOf(runId)}-${spanIdOf(runId, about)}-01`;
}

/**
 * `tracestate` of an execution call. Official SDKs split it at commas and equal signs and copy what they find, so that the
 * reference is text without either: URL-encoded JSON.
 */
export function traceState({ appId, functionId }: { appId: string; functionId: string }, parent: string): string {
  const ref = encodeURIComponent(JSON.stringify({ tp: parent }));
  return `inngest@app=${uuidOf(appId)},inngest@fn=${uuidOf(functionId)},inngest@traceref=${ref}`;
}

function hash(text: string, bytes: number): string {
  const digest = bytesToHex(sha256(utf8ToBytes(text)).subarray(0, bytes));
  return /^0+$/.test(digest) ? `${digest.slice(0, -1)}1` : digest;
}
