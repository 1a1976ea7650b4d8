import type { DiskWrite } from "../storage/memory-disk.ts";

/** What an object is, as the beginning of its name says. */
export type ObjectKind = "run" | "log" | "waits" | "signal" | "channel" | "dedupe" | "registry" | "key" | "gateway";

/** Writes of one object that take effect together. */
export interface Commit {
  kind: ObjectKind;
  /** of the object, among those of its kind */
  name: string;
  writes: readonly DiskWrite[];
}

/** An object dies right before its writes take effect, or right after; `crash-all`: the whole process, before. */
export type CommitFault = "crash-before" | "crash-after" | "crash-all";

/** What goes wrong with one call from object to object. `twice`: it is carried out again, as after a lost reply. */
export type CallFault = "request-lost" | "reply-lost" | "twice" | { delayMs: number };

/** What goes wrong with one queue message. */
export type DeliveryFault = "lost" | "twice" | { delayMs: number };

/** Where a simulated platform asks whether something goes wrong, at every point at which it can. */
export interface FaultSource {
  /** Whether the object dies right before its writes take effect, or right after. */
  commit(commit: Commit): CommitFault | null;
  call(kind: ObjectKind, method: string): CallFault | null;
  delivery(): DeliveryFault | null;
  /** An alarm that fires: again after its handler has ended, or late. */
  alarm(kind: ObjectKind): "twice" | { delayMs: number } | null;
}

export const noFaults: FaultSource = { commit: () => null, call: () => null, delivery: () => null, alarm: () => null };
