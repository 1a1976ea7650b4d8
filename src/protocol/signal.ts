import { byteLength, type JsonValue } from "./json.ts";
import { SIGNAL_NAME_MAX_BYTES } from "./limits.ts";

/** A signal on its way to the one step that waits for it (inngest-protocol §9.1). */
export interface Signal {
  name: string;
  data: JsonValue;
}

/**
 * What a client asks of the platform, and what it is told: the run that got the signal, or null when nobody waited.
 *
 * @param env branch environment, instead of the client's
 */
export type SignalService = (signal: Signal, env?: string) => Promise<{ runId: string | null }>;

/** What is wrong with the name of a signal, as the end of a sentence about it; null for one that can be. */
export function signalNameProblem(name: unknown): string | null {
  if (typeof name === "string" && name !== "" && byteLength(name) <= SIGNAL_NAME_MAX_BYTES) return null;
  const shown = typeof name === "string" ? JSON.stringify(name.slice(0, 100)) : typeof name;
  return `must be a name of 1 to ${SIGNAL_NAME_MAX_BYTES} bytes, not ${shown}`;
}
