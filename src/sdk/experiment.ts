/** Ways to choose a variant of `group.experiment`. The same run, or the same value, always gets the same one. */
import { sha256 } from "@noble/hashes/sha2.js";
import { bytesToHex, utf8ToBytes } from "@noble/hashes/utils.js";

/** How an experiment chooses, as it is recorded. */
export interface ExperimentStrategyConfig {
  strategy: string;
  weights?: Record<string, number>;
  /** the value to choose by was null or undefined */
  nullishBucket?: boolean;
}

/** Chooses a variant: returns its name. */
export interface ExperimentSelectFn {
  (variantNames?: string[], run?: { readonly runId: string }): Promise<string> | string;
  __experimentConfig: ExperimentStrategyConfig;
}

/**
 * Strategies for `select` of `group.experiment`.
 *
 * @example
 * const { result, variant } = await group.experiment("checkout", {
 *   variants: {
 *     control: () => step.run("old-checkout", oldCheckout),
 *     new_flow: () => step.run("new-checkout", newCheckout),
 *   },
 *   select: experiment.weighted({ control: 80, new_flow: 20 }),
 * });
 */
export const experiment = {
  /** Always this variant. */
  fixed: (variantName: string): ExperimentSelectFn => selectFn(() => variantName, { strategy: "fixed" }),

  /**
   * A share of the runs each, by the run's id.
   *
   * @param weights share of each variant, of their sum; 0 for none
   * @throws TypeError for weights that are negative, not finite, or all zero
   */
  weighted(weights: Record<string, number>): ExperimentSelectFn {
    const own = checkedWeights(weights, "experiment.weighted");
    const select = (_names?: string[], run?: { readonly runId: string }) =>
      pick(run?.runId ?? crypto.randomUUID(), own);
    return selectFn(select, { strategy: "weighted", weights: own });
  },

  /**
   * By a value: the same value gets the same variant in every run. Null and undefined count as an empty text, so that all
   * of them get the same variant.
   *
   * @param value such as a user's id; anything else than a text is chosen by as `String` writes it
   * @param options.weights share of each variant. Default: equal shares
   * @throws TypeError for weights that are negative, not finite, or all zero
   */
  bucket(value: unknown, options?: { weights?: Record<string, number> }): ExperimentSelectFn {
    const own = options?.weights && checkedWeights(options.weights, "experiment.bucket");
    const text = String(value ?? "");
    const select = (names: string[] = []) => {
      if (own) return pick(text, own);
      if (names.length === 0) throw new TypeError("experiment.bucket: neither weights nor names of variants are given");
      return pick(text, Object.fromEntries(names.map((name) => [name, 1])));
    };
    const isNullish = value === null || value === undefined;
    return selectFn(select, {
      strategy: "bucket",
      ...(own && { weights: own }),
      ...(isNullish && { nullishBucket: true }),
    });
  },

  /**
   * By code of yours, which runs once per run: its answer is stored. It is tried again when it throws.
   *
   * @param fn returns the name of a variant; steps are refused in it
   */
  custom: (fn: () => Promise<string> | string): ExperimentSelectFn => selectFn(() => fn(), { strategy: "custom" }),
};

function selectFn(
  select: (variantNames?: string[], run?: { readonly runId: string }) => Promise<string> | string,
  config: ExperimentStrategyConfig,
): ExperimentSelectFn {
  return Object.assign(select, { __experimentConfig: config });
}

/** @throws TypeError naming the weight and its value */
function checkedWeights(weights: Record<string, number>, what: string): Record<string, number> {
  const entries = Object.entries(weights);
  for (const [name, weight] of entries)
    if (!Number.isFinite(weight) || weight < 0)
      throw new TypeError(`${what}: weights.${name}: ${String(weight)} is not a finite number of 0 or more`);
  const total = entries.reduce((sum, [, weight]) => sum + weight, 0);
  if (total === 0) throw new TypeError(`${what}: weights: all are zero; at least one must be positive`);
  if (!Number.isFinite(total)) throw new TypeError(`${what}: weights: their sum is not a finite number`);
  return Object.fromEntries(entries);
}

/** The variant into whose share of [0, 1) the text falls: as `inngest` has it, so that an app that moves here keeps its buckets. */
function pick(text: string, weights: Record<string, number>): string {
  const entries = Object.entries(weights)
    .filter(([, weight]) => weight > 0)
    .sort(([a], [b]) => a.localeCompare(b, "en"));
  const total = entries.reduce((sum, [, weight]) => sum + weight, 0);
  const at = hashToFloat(text);
  let end = 0;
  const found = entries.find(([, weight]) => (end += weight / total) > at) ?? entries.at(-1); // shares may add up to just under 1
  return found?.[0] ?? "";
}

/** The first 32 bits of the text's SHA-256, in [0, 1). */
function hashToFloat(text: string): number {
  return Number.parseInt(bytesToHex(sha256(utf8ToBytes(text))).slice(0, 8), 16) / 2 ** 32;
}
