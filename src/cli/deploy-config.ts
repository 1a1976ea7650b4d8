/** The wrangler configuration of a deployed platform, from the settings with which it was built. */
import { join } from "node:path";
import { prebuiltPlatform, unpackPlatform } from "./prebuilt.ts";
import { DASHBOARD_BINDING, type WorkerSettings } from "./worker-build.ts";

const packageRoot = join(import.meta.dirname, "../..");

export interface DeployChoices {
  /** of the Worker; its queues are named after it, since a queue has one consumer */
  name: string;
  /** host name of the account's zones; default: workers.dev alone */
  domain?: string | undefined;
  /** apps that the platform asks every minute for their functions */
  sdkUrls: readonly string[];
}

export interface DeployConfig {
  name: string;
  main: string;
  queues: {
    producers: { binding: string; queue: string }[];
    consumers: { queue: string; dead_letter_queue?: string; [setting: string]: unknown }[];
  };
  [setting: string]: unknown;
}

/**
 * @param folder gets the Worker's module
 * @throws CommandError in a checkout that is not built
 */
export function platformConfig(choices: DeployChoices, folder: string): DeployConfig {
  const { script, settings } = prebuiltPlatform();
  return configOf(settings, unpackPlatform(script, folder), join(packageRoot, "dist/dashboard"), choices);
}

/** @throws Error for a binding that it does not know: a platform without it would not be whole */
export function configOf(
  settings: WorkerSettings,
  main: string,
  dashboard: string,
  { name, domain, sdkUrls }: DeployChoices,
): DeployConfig {
  const { name: built, compatibilityDate, exports, triggers = [], env = {} } = settings;
  const queueOf = (queue: string) => (queue.startsWith(`${built}-`) ? name + queue.slice(built.length) : queue);
  const producers = Object.entries(env).map(([binding, value]) => {
    if (value.type !== "queue") throw new Error(`${binding}: a binding of type ${value.type} cannot be deployed yet`);
    return { binding, queue: queueOf(value.name ?? "") };
  });
  const consumers = triggers.flatMap((trigger) => {
    if (trigger.type !== "queue") return [];
    const { name: queue, deadLetterQueue, maxBatchSize, maxBatchTimeout, maxRetries } = trigger;
    return [
      {
        queue: queueOf(queue),
        max_batch_size: maxBatchSize,
        max_batch_timeout: maxBatchTimeout,
        max_retries: maxRetries,
        ...(deadLetterQueue !== undefined && { dead_letter_queue: queueOf(deadLetterQueue) }),
      },
    ];
  });
  return {
    name,
    main,
    no_bundle: true,
    find_additional_modules: false,
    compatibility_date: compatibilityDate,
    exports,
    queues: { producers, consumers },
    assets: { directory: dashboard, binding: DASHBOARD_BINDING, run_worker_first: true },
    triggers: { crons: triggers.flatMap((trigger) => (trigger.type === "scheduled" ? [trigger.schedule] : [])) },
    observability: { enabled: true },
    ...(domain !== undefined && { routes: [{ pattern: domain, custom_domain: true }] }),
    ...(sdkUrls.length > 0 && { vars: { INNGEST_SDK_URL: sdkUrls.join(",") } }),
  };
}

/** Queues that a configuration sends to, reads, or leaves its dead letters in. */
export function queuesOf({ queues }: Pick<DeployConfig, "queues">): string[] {
  const names = [
    ...queues.producers.map(({ queue }) => queue),
    ...queues.consumers.flatMap(({ queue, dead_letter_queue: dead }) => (dead === undefined ? [queue] : [queue, dead])),
  ];
  return [...new Set(names)];
}
