import type { JsonValue } from "../protocol/json.ts";
import type { LogLines } from "../protocol/logs.ts";
import { NonRetriableError } from "./errors.ts";
import type { ExperimentSelectFn } from "./experiment.ts";
import { settlingAlone } from "./step/index.ts";
import { readStepOptions } from "./step/options.ts";
import type { StepOptionsOrId } from "./step/tools.ts";

/** Tools for steps that belong together. */
export interface GroupTools {
  /**
   * Steps started inside the callback race: the handler goes on as soon as one of them is done, on servers that
   * otherwise wait for all. Losing steps are not cancelled.
   *
   * Without AsyncLocalStorage only steps started before the callback first awaits are known to be inside.
   *
   * @example
   * const winner = await group.parallel(() => Promise.race([step.run("a", a), step.run("b", b)]));
   */
  parallel<T>(callback: () => Promise<T>): Promise<T>;
  parallel<T>(options: ParallelOptions, callback: () => Promise<T>): Promise<T>;

  /**
   * Chooses one of several variants, once for the run, and runs it. A variant is handler code: it is entered again by every
   * pass, so what it does belongs into steps.
   *
   * @returns the variant's result and name, and a reference to both experiment and variant
   * @throws NonRetriableError when the variant has ended without starting a step
   * @throws StepError when `select` fails, names no variant, or starts a step
   * @example
   * const { result, variant } = await group.experiment("checkout", {
   *   variants: { control: () => step.run("old", oldCheckout), next: () => step.run("new", newCheckout) },
   *   select: experiment.weighted({ control: 80, next: 20 }),
   * });
   */
  experiment: GroupExperiment;
}

export interface ParallelOptions {
  /** Default `race`, and there is no other */
  mode?: "race";
}

/** `group.experiment`. */
export type GroupExperiment = <TVariants extends Record<string, () => unknown>>(
  idOrOptions: StepOptionsOrId,
  options: ExperimentOptions<TVariants>,
) => Promise<{
  result: Awaited<ReturnType<TVariants[keyof TVariants]>>;
  variant: string;
  experimentRef: ExperimentRef;
}>;

/** Options of `group.experiment`. */
export interface ExperimentOptions<TVariants extends Record<string, () => unknown>> {
  /** code of each variant, by its name */
  variants: TVariants;
  /** chooses one: a strategy of `experiment` */
  select: ExperimentSelectFn;
}

/** Names an experiment and the variant that a run got. */
export interface ExperimentRef {
  experimentName: string;
  variant: string;
}

/** What holds for the steps that are started inside a group's callback, or inside another step. */
export interface StepScope {
  parallelMode?: "race";
  /** the experiment whose `select` runs: it must not start any */
  selecting?: string;
  /** the step whose code runs: it must not start any */
  inside?: string;
  /** one execution of that code, the hash of the step, and where its lines go */
  execution?: { readonly id: string; readonly lines?: LogLines };
  /** the innermost variant of an experiment */
  variant?: VariantScope;
}

export interface VariantScope {
  /** recorded with each of its steps */
  readonly opts: Record<string, JsonValue>;
  hasStep: boolean;
}

/** What the tools need of the run that they are part of. */
export interface GroupOwner {
  readonly runId: string;
  /** runs code in a scope */
  within<R>(scope: StepScope, code: () => R): R;
  /** runs `select` as a step */
  selection(idOrOptions: StepOptionsOrId, select: () => Promise<string>): Promise<unknown>;
  warn(message: string): void;
}

export function groupTools(run: GroupOwner): GroupTools {
  return {
    parallel: async <T>(first: ParallelOptions | (() => Promise<T>), second?: () => Promise<T>): Promise<T> => {
      const [options, callback] = typeof first === "function" ? [{}, first] : [first, second];
      if (typeof callback !== "function") throw new TypeError(`group.parallel: ${typeof callback} is not a function`);
      const mode: unknown = options.mode ?? "race";
      if (mode !== "race") throw new TypeError(`group.parallel: mode: ${JSON.stringify(mode)} is not "race"`);
      return run.within({ parallelMode: mode }, callback);
    },
    experiment: settlingAlone<GroupExperiment>(async (idOrOptions, options) => {
      const { userId: id } = readStepOptions(idOrOptions, "group.experiment");
      const what = `group.experiment ${JSON.stringify(id)}`;
      const { variants, select } = checked(options, what);
      const names = [...variants.keys()];
      const choose = async () => {
        const variant: unknown = await run.within({ selecting: id }, () => select([...names], { runId: run.runId }));
        if (typeof variant === "string" && variants.has(variant)) {
          if (strategyOf(select).nullishBucket === true)
            run.warn(`${what}: experiment.bucket was given no value; all runs without one get variant "${variant}"`);
          return variant;
        }
        throw new NonRetriableError(unknownVariant(what, "select returned", variant, names));
      };
      const variant = String(await run.selection(idOrOptions, choose));
      const code = variants.get(variant);
      if (!code) throw new Error(unknownVariant(what, "this run has", variant, names)); // the code has changed since
      const experimentRef = { experimentName: id, variant };
      const scope = { opts: { ...experimentRef, selectionStrategy: strategyOf(select).strategy }, hasStep: false };
      const result = await run.within({ variant: scope }, async () => code());
      if (!scope.hasStep)
        throw new NonRetriableError(
          `${what}: variant "${variant}" started no step; put what it does into step.run, or every pass over the handler does it again`,
        );
      return { result: result as never, variant, experimentRef }; // typed by the variants
    }),
  };
}

/** @throws TypeError naming the option */
function checked(options: ExperimentOptions<Record<string, () => unknown>>, what: string) {
  const { variants, select }: Partial<typeof options> = options ?? {};
  const entries = Object.entries(variants ?? {});
  if (entries.length === 0) throw new TypeError(`${what}: variants: there are none; give at least one`);
  for (const [name, code] of entries)
    if (typeof code !== "function") throw new TypeError(`${what}: variants.${name}: ${typeof code} is not a function`);
  if (typeof select !== "function")
    throw new TypeError(`${what}: select: ${typeof select} is not a function; take one of \`experiment\``);
  return { variants: new Map(entries), select };
}

/** A function of the user's own may say nothing. */
function strategyOf({ __experimentConfig: config }: Partial<ExperimentSelectFn>) {
  return config ?? { strategy: "custom", nullishBucket: false };
}

function unknownVariant(what: string, how: string, variant: unknown, names: string[]): string {
  const shown = JSON.stringify(variant) ?? typeof variant;
  return `${what}: ${how} ${shown}, which is no variant; there are ${names.join(", ")}`;
}
