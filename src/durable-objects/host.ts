import type { Objects } from "./objects.ts";
import type { Stores } from "./storage/stores.ts";

/** What an object needs of the runtime it lives in. workerd's is in `workerd-host.ts`. */
export interface Host {
  /** environment and own name within it */
  readonly env: string;
  readonly name: string;
  /** What the object keeps. After {@link wipe} it takes fresh ones. */
  readonly stores: Stores;
  readonly objects: Objects;
  now(): number;
  /** in [0, 1) */
  random(): number;
  /** Sets the object's one alarm, or clears it. Takes effect with the writes of the same turn. */
  setAlarm(at: number | null): void;
  /** The time the alarm is set to; null inside its handler. */
  alarm(): Promise<number | null>;
  /** Resolves after `delayMs`, or when `until` settles first. */
  wait(delayMs: number, until: Promise<unknown>): Promise<void>;
  /** Resolves when all writes so far are durable. */
  sync(): Promise<void>;
  /** Deletes everything the object has. */
  wipe(): Promise<void>;
  /** Tells people what nobody else would tell them: a fault, or the end of a run that failed. */
  report(message: string, error: unknown): void;
}
