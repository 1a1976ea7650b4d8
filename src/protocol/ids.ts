import { sha1 } from "@noble/hashes/legacy.js";
import { sha256 } from "@noble/hashes/sha2.js";
import { bytesToHex, concatBytes, hexToBytes, utf8ToBytes } from "@noble/hashes/utils.js";
import { decodeTime, ulidToUUID } from "ulid";
import { v5 as uuidV5 } from "uuid";

/** Time and entropy of a ULID: 48 bits of milliseconds and 80 random bits. */
export interface UlidParts {
  timeMs: number;
  /** 10 bytes */
  entropy: Uint8Array;
}

const CROCKFORD = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";
/** Characters of the time. */
const TIME_CHARS = 10;

/** The ULID of exactly this time and entropy. Each event has one: this is ten times as fast as the library's way over a UUID. */
export function ulidOf({ timeMs, entropy }: UlidParts): string {
  return crockford(timeMs, TIME_CHARS) + crockford(fiveBytes(entropy, 0), 8) + crockford(fiveBytes(entropy, 5), 8);
}

function fiveBytes(bytes: Uint8Array, start: number): number {
  let value = 0;
  for (let i = start; i < start + 5; i++) value = value * 256 + (bytes[i] ?? 0);
  return value;
}

/** A number of at most 53 bits in so many characters. */
function crockford(value: number, chars: number): string {
  let text = "";
  for (let rest = value; text.length < chars; rest = Math.floor(rest / 32)) text = CROCKFORD.charAt(rest % 32) + text;
  return text;
}

const ULID = /^[0-7][0-9A-HJKMNP-TV-Z]{25}$/;

/** Whether the text is a ULID in its upper-case Crockford form. */
export function isUlid(text: string): boolean {
  return ULID.test(text);
}

/** Time and entropy of a ULID; the text must satisfy {@link isUlid}. */
export function ulidParts(ulid: string): UlidParts {
  const bytes = hexToBytes(ulidToUUID(ulid).replaceAll("-", "").toLowerCase());
  const time = bytes.subarray(0, 6).reduce((sum, byte) => sum * 256 + byte, 0);
  return { timeMs: time, entropy: bytes.subarray(6) };
}

/** Epoch ms of a ULID; the text must satisfy {@link isUlid}. */
export function ulidTime(ulid: string): number {
  return decodeTime(ulid);
}

/** First byte of the entropy, which is in the two characters after the time; cheaper than {@link ulidParts}. */
export function ulidFirstByte(ulid: string): number {
  const [high = "", low = ""] = ulid.slice(TIME_CHARS, TIME_CHARS + 2);
  return (CROCKFORD.indexOf(high) << 3) | (CROCKFORD.indexOf(low) >> 2);
}

/** From this first byte on an id belongs to the log in which events keep their order. */
const ORDERED_FROM = 252;

export function isOrderedUlid(ulid: string): boolean {
  return ulidFirstByte(ulid) >= ORDERED_FROM;
}

/** The id in the log of order: the same for the same id, so that a request that is repeated names the same events. */
export function orderedUlid(ulid: string): string {
  const { timeMs, entropy } = ulidParts(ulid);
  return ulidOf({ timeMs, entropy: entropy.map((byte, i) => (i === 0 ? byte | ORDERED_FROM : byte)) });
}

/**
 * Id of the `index`-th event of a request: the big-endian counter in bytes 6..10 of the entropy is raised by `index`,
 * so a repeated request with the same seed names the same events (inngest-protocol §1.4).
 */
export function eventUlid(seed: UlidParts, index: number): string {
  const entropy = seed.entropy.slice();
  const counter = new DataView(entropy.buffer, entropy.byteOffset + 6, 4);
  counter.setUint32(0, (counter.getUint32(0) + index) >>> 0);
  return ulidOf({ timeMs: seed.timeMs, entropy });
}

/**
 * Id of the run that an event starts of a function. Derived, so that delivering the event twice names the same run
 * (G1); it keeps the event's time and first entropy byte, which together name the log object that holds both.
 */
export function runIdOf(eventId: string, functionId: string): string {
  const { timeMs, entropy } = ulidParts(eventId);
  const digest = sha256(utf8ToBytes(`run\0${eventId}\0${functionId}`));
  return ulidOf({ timeMs, entropy: concatBytes(entropy.subarray(0, 1), digest.subarray(0, 9)) });
}

/**
 * Id of the event of a run that named itself, as {@link runIdOf} the other way round: it keeps the run's time and first
 * entropy byte, and so names the log that the run's id leads to.
 */
export function eventIdOfRun(runId: string): string {
  const { timeMs, entropy } = ulidParts(runId);
  const digest = sha256(utf8ToBytes(`event\0${runId}`));
  return ulidOf({ timeMs, entropy: concatBytes(entropy.subarray(0, 1), digest.subarray(0, 9)) });
}

/**
 * Id of the run that a replay starts in the place of another, as {@link runIdOf}: it keeps time and first entropy byte of their
 * event. Its last four bytes tell that it is one of that replay.
 */
export function replayedRunId(eventId: string, replayId: string, runId: string): string {
  const { timeMs, entropy } = ulidParts(eventId);
  const own = concatBytes(entropy.subarray(0, 1), sha256(utf8ToBytes(`replay\0${replayId}\0${runId}`)).subarray(0, 5));
  return ulidOf({ timeMs, entropy: concatBytes(own, replayMark(replayId, own)) });
}

/** Whether a replay has started a run. */
export function isReplayOf(replayId: string, runId: string): boolean {
  const { entropy } = ulidParts(runId);
  return bytesToHex(entropy.subarray(6)) === bytesToHex(replayMark(replayId, entropy.subarray(0, 6)));
}

function replayMark(replayId: string, own: Uint8Array): Uint8Array {
  return sha256(utf8ToBytes(`replayed\0${replayId}\0${bytesToHex(own)}`)).subarray(0, 4);
}

/** A ULID derived from a time and any text; the same input always names the same thing. */
export function derivedUlid(timeMs: number, text: string): string {
  return ulidOf({ timeMs, entropy: sha256(utf8ToBytes(text)).subarray(0, 10) });
}

/**
 * Hash of a step id as the wire carries it: the n-th repeat of an id (n ≥ 1) hashes `id:n` (inngest-protocol §3.5).
 *
 * @param repeat how often this id was used before in the run; 0 for the first
 */
export function stepHash(userId: string, repeat: number): string {
  return bytesToHex(sha1(utf8ToBytes(repeat === 0 ? userId : `${userId}:${repeat}`)));
}

/** Short hash of any text, for comparing inputs; not secret. */
export function textHash(text: string): string {
  return bytesToHex(sha256(utf8ToBytes(text)).subarray(0, 10));
}

/** A number in [0, 1) derived from any text, evenly spread over texts. */
export function textFraction(text: string): number {
  const bytes = sha256(utf8ToBytes(text));
  return new DataView(bytes.buffer, bytes.byteOffset).getUint32(0) / 2 ** 32;
}

/** Names whose UUID is remembered: calls and checkpoints ask for the same few again and again. */
const UUIDS_MAX = 256;
const uuids = new Map<string, string>();

/** UUID of a function or app; official Go clients refuse a `fn_id` that is not a UUID (inngest-protocol §0.2). */
export function uuidOf(name: string): string {
  const remembered = uuids.get(name);
  if (remembered !== undefined) return remembered;
  if (uuids.size >= UUIDS_MAX) uuids.clear();
  const uuid = uuidV5(name, uuidV5.URL);
  uuids.set(name, uuid);
  return uuid;
}
