/**
 * What this client may say to a server that is not this package's: Inngest's protocol and nothing else. An option that says
 * less there is left out and named; one whose absence would make a function do something else is refused by name.
 */
import type { WireFunctionConfig } from "./function.ts";
import type { WireConcurrency } from "../protocol/flow-config.ts";
import { DEFAULT_RETRY_POLICY } from "../protocol/retry-policy.ts";
import type { StepOp } from "../protocol/step-op.ts";

/** As {@link WireFunctionConfig}, with what the server's own form of it has. */
type OfficialConfig = Omit<WireFunctionConfig, "retryPolicy" | "concurrency"> & {
  concurrency?: WireFunctionConfig["concurrency"] | { fn: WireConcurrency[]; step?: WireConcurrency[] };
};

/** A function's config as Inngest's server takes it (inngest-protocol §2.4). */
export interface InngestConfig {
  config: OfficialConfig;
  /** options that are left out, each with what that means */
  dropped: string[];
  /** options without which the function would be another one */
  refused: string[];
}

/** What is ours in a function's config, taken out. */
export function inngestConfig(given: WireFunctionConfig): InngestConfig {
  const { retryPolicy, ...config } = given;
  const told: InngestConfig = { config, dropped: [], refused: [] };
  const { backoff, initialDelayMs, maxDelayMs } = retryPolicy;
  const isOwn =
    initialDelayMs !== DEFAULT_RETRY_POLICY.initialDelayMs || maxDelayMs !== DEFAULT_RETRY_POLICY.maxDelayMs;
  if (backoff !== "inngest" && (backoff !== DEFAULT_RETRY_POLICY.backoff || isOwn))
    told.dropped.push("retries: the server waits as its own table says; the number of tries is kept");
  for (const { cron } of config.triggers.flatMap((trigger) => ("cron" in trigger ? [trigger] : [])))
    if (cron.startsWith("every ")) told.refused.push(`triggers: every: ${JSON.stringify(cron.slice("every ".length))}`);
    else if (fieldsOf(cron) > 5) told.refused.push(`triggers: cron: ${JSON.stringify(cron)} with seconds`);
  flow(told);
  return told;
}

function fieldsOf(cron: string): number {
  return cron.replace(/^TZ=\S+\s+/, "").split(/\s+/).length;
}

function flow({ config, dropped, refused }: InngestConfig): void {
  const { rateLimit, debounce, singleton, cancel } = config;
  if (rateLimit?.mode !== undefined) {
    const { mode, ...rest } = rateLimit;
    config.rateLimit = rest;
    if (mode !== "spaced")
      dropped.push(`rateLimit.mode: ${JSON.stringify(mode)}: the server spaces what it lets through`);
  }
  if (debounce && "collect" in debounce) {
    const { collect, ...rest } = debounce;
    config.debounce = rest;
    if (collect) refused.push("debounce.collect");
  }
  if (singleton?.mode === "queue") refused.push('singleton.mode: "queue"');
  if (cancel) {
    config.cancel = cancel.map(({ cascade: _ours, ...rest }) => rest);
    if (cancel.some(({ cascade }) => cascade)) dropped.push("cancelOn.cascade: what the run has invoked goes on");
  }
  if (typeof config.concurrency === "object" && !("fn" in config.concurrency))
    config.concurrency = concurrency(config.concurrency, refused);
}

/** Limits of whole runs have a place of their own on the wire, for one of them. */
function concurrency(given: WireConcurrency | WireConcurrency[], refused: string[]): OfficialConfig["concurrency"] {
  const limits = [given].flat();
  if (limits.some(({ order }) => order === "fifo")) refused.push('concurrency.order: "fifo"');
  const plain = ({ mode: _mode, order: _order, ...rest }: WireConcurrency): WireConcurrency => rest;
  const ofRuns = limits.filter(({ mode }) => mode === "run").map(plain);
  const ofSteps = limits.filter(({ mode }) => mode !== "run").map(plain);
  if (ofRuns.length > 1) refused.push('concurrency.mode: "run" of more than one limit');
  if (ofRuns.length > 0) return { fn: ofRuns, ...(ofSteps.length > 0 && { step: ofSteps }) };
  return Array.isArray(given) ? ofSteps : ofSteps[0];
}

/** The same for all functions of an app; messages name function and option. */
export function inngestConfigs(
  all: WireFunctionConfig[],
): Omit<InngestConfig, "config"> & { configs: OfficialConfig[] } {
  const told = all.map(inngestConfig);
  const named = (which: "dropped" | "refused") =>
    told.flatMap((one) => one[which].map((option) => `function "${one.config.id}": ${option}`));
  return { configs: told.map(({ config }) => config), dropped: named("dropped"), refused: named("refused") };
}

/** What is ours in an op's options (inngest-protocol §3.4). */
const OURS_IN_OPTS = ["retries", "events", "since"];

/** An op as Inngest's server takes it: a wait that it cannot have fails its step, since another would be another wait. */
export function inngestOp(op: StepOp): StepOp {
  if (!op.opts || !OURS_IN_OPTS.some((name) => name in (op.opts ?? {}))) return op;
  const { retries: _retries, events, since, ...opts } = op.opts;
  const ours = op.op === "WaitForEvent" ? (events === undefined ? since !== undefined && "since" : "events") : false;
  if (ours === false) return { ...op, opts };
  const { id, name, displayName, userland } = op;
  const message = `step "${userland?.id ?? name ?? id}": \`${ours}\` of step.waitForEvent is part of @dotdo/inngest's own server, and this app is called by another`;
  const error = { name: "Error", code: "only_ours", message, noRetry: true };
  return { id, name, displayName, userland, op: "StepFailed", error };
}
