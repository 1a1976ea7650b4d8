/** A {@link Serializer} by superjson, which is to be installed beside this package. */
import SuperJSON, { type SuperJSONResult } from "superjson";
import { isObject } from "../protocol/json.ts";
import type { Serializer } from "./serializer.ts";

/** Where superjson's notes on types are kept, beside the data that they are about. */
const META = "~superjson";
/** Where a value is kept that is no object and so has no room for notes. */
const VALUE = "~value";

/**
 * Carries Date, Map, Set, BigInt, RegExp, URL, Error, undefined, NaN, … through events and step results.
 *
 * An object stays readable: `{ at: Date }` is stored as `{ "at": "2026-…", "~superjson": … }`, so that expressions such as
 * `event.data.orderId == async.data.orderId`, the dashboard and other clients see the fields that they expect. What JSON
 * carries by itself is stored as it is.
 *
 * @param instance superjson with classes and transformers registered. Default: superjson as it comes
 * @example
 * const inngest = new Inngest({ id: "my-app", serializer: superjson() });
 */
export function superjson(instance: Pick<SuperJSON, "serialize" | "deserialize"> = SuperJSON): Serializer {
  return {
    encode(value) {
      const { json, meta } = instance.serialize(value);
      if (meta === undefined && !usesOurKeys(json)) return json;
      const notes = meta ?? {};
      return isObject(json) && !usesOurKeys(json) ? { ...json, [META]: notes } : { [VALUE]: json, [META]: notes };
    },
    decode(stored) {
      if (!isObject(stored) || !isObject(stored[META])) return stored;
      const { [META]: meta, ...json } = stored;
      const isWhole = Object.hasOwn(json, VALUE);
      // our own encode wrote it; `deserialize` changes what it is given
      const written = structuredClone({ json: isWhole ? json[VALUE] : json, meta }) as SuperJSONResult;
      return instance.deserialize(written);
    },
  };
}

function usesOurKeys(json: unknown): boolean {
  return isObject(json) && (META in json || VALUE in json);
}
