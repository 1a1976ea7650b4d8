/**
 * Turns values that JSON cannot carry (Date, Map, Set, BigInt, …) into JSON and back: event data, inputs and results of
 * steps, results of functions. Chosen per client; `@dotdo/inngest/superjson` is one.
 *
 * What `encode` gives must be plain JSON. `decode` must give back plain JSON unchanged when `encode` did not write it:
 * events also come from other clients, and runs may be older than the serializer.
 */
export interface Serializer {
  encode(value: unknown): unknown;
  decode(stored: unknown): unknown;
}
