/**
 * `inngest deploy`: reads what is there, says what it will do, asks, and does it by the user's wrangler.
 *
 * 1. Queues come first, since a Worker with a queue that is not there is refused; then the Worker; then its keys, without
 *    which it answers nobody.
 * 2. Each step is looked for before it is done: whatever fails, the same command carries on where it was.
 * 3. A key is made only where there is none, and is shown as soon as it counts: nobody can read it later.
 */
import { randomBytes } from "node:crypto";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { confirm } from "./confirm.ts";
import { platformConfig, queuesOf, type DeployConfig } from "./deploy-config.ts";
import { CommandError, exitCodes, usageError } from "./exit-codes.ts";
import { note, print, printJson } from "./output.ts";
import { loadTool } from "./tools.ts";
import { Wrangler, wordsOf } from "./wrangler.ts";

export interface DeployOptions {
  name?: string;
  domain?: string;
  url?: string[];
  config?: string;
  dryRun?: true;
  yes?: true;
  json?: true;
}

/** How a key comes to be, when the Worker has none. */
const KEYS = {
  INNGEST_SIGNING_KEY: {
    given: () => process.env.INNGEST_SIGNING_KEY,
    make: () => `signkey-prod-${randomBytes(32).toString("hex")}`,
  },
  INNGEST_EVENT_KEY: { given: () => process.env.INNGEST_EVENT_KEY, make: () => randomBytes(32).toString("base64url") },
} as const;

type KeyName = keyof typeof KEYS;
const keyNames = Object.keys(KEYS) as KeyName[];

interface Target {
  name: string;
  /** what wrangler is given */
  configFile: string;
  queues: string[];
  /** generated, for the user to read */
  config: DeployConfig | null;
}

interface Plan {
  account: string | null;
  missingQueues: string[];
  missingKeys: KeyName[];
}

export async function deploy(options: DeployOptions): Promise<void> {
  const wrangler = await Wrangler.find();
  const target = options.config === undefined ? generated(options) : await configured(options.config);
  if (options.dryRun) return rehearse(wrangler, target, options);

  const plan = await planOf(wrangler, target);
  for (const line of planLines(target, plan)) note(line);
  if (!options.yes && !(await confirm("Go on?"))) {
    note("nothing was done");
    process.exitCode = exitCodes.failed;
    return;
  }

  for (const queue of plan.missingQueues) await createQueue(wrangler, queue);
  const urls = await upload(wrangler, target);
  const made: Partial<Record<KeyName, string>> = {};
  try {
    for (const name of plan.missingKeys) {
      const given = KEYS[name].given();
      const key = given || KEYS[name].make();
      await wrangler.must(["secret", "put", name, "-c", target.configFile], { input: key });
      if (!given) made[name] = key;
    }
  } catch (error) {
    for (const [name, key] of Object.entries(made)) note(`${name}=${key}`); // they count, and are shown now or never
    throw error;
  }
  report(target, plan, urls, made, options);
}

// ---- what is to be deployed -----------------------------------------------------------------------------------------

/** The platform of this package. */
function generated({ name = "inngest", domain, url = [] }: DeployOptions): Target {
  const folder = resolve(".inngest/deploy");
  const configFile = join(folder, "wrangler.json");
  mkdirSync(folder, { recursive: true });
  const config = platformConfig({ name, domain, sdkUrls: url }, folder);
  writeFileSync(configFile, `${JSON.stringify(config, null, 2)}\n`);
  const own = ["wrangler.toml", "wrangler.jsonc", "wrangler.json"].find((file) => existsSync(file));
  if (own !== undefined) note(`inngest: this deploys the platform alone; for the Worker of ${own}: --config ${own}`);
  return { name, configFile, queues: queuesOf(config), config };
}

/** A Worker of the user's, with app and engine. */
async function configured(file: string): Promise<Target> {
  if (!existsSync(file)) throw usageError(`--config is "${file}"; there is no such file`);
  const { unstable_readConfig: readConfig } = await loadTool("wrangler");
  const { name, queues } = readConfig({ config: file });
  if (name === undefined) throw new CommandError(`${file} names no Worker; add name = "my-app"`);
  const { producers = [], consumers = [] } = queues;
  const queueNames = queuesOf({ queues: { producers, consumers } as DeployConfig["queues"] });
  return { name, configFile: resolve(file), queues: queueNames, config: null };
}

// ---- what there is, and what is to be done --------------------------------------------------------------------------

async function planOf(wrangler: Wrangler, target: Target): Promise<Plan> {
  const account = await readAccount(wrangler);
  const missingQueues: string[] = [];
  for (const queue of target.queues) if (!(await isQueue(wrangler, queue))) missingQueues.push(queue);
  const secrets = await secretsOf(wrangler, target);
  return { account, missingQueues, missingKeys: keyNames.filter((name) => !secrets.includes(name)) };
}

/** @throws CommandError when nobody is logged in, or it is not clear to which account */
async function readAccount(wrangler: Wrangler): Promise<string | null> {
  const outcome = await wrangler.run(["whoami", "--json"]);
  const read = parse(outcome.stdout) as { loggedIn?: boolean; accounts?: { id: string; name: string }[] } | undefined;
  if (read?.loggedIn === false)
    throw new CommandError("wrangler is not logged in; run: npx wrangler login, or set CLOUDFLARE_API_TOKEN");
  if (outcome.code !== 0) throw new CommandError(`wrangler whoami failed: ${wordsOf(outcome)}`);
  const accounts = read?.accounts ?? [];
  const chosen = process.env.CLOUDFLARE_ACCOUNT_ID;
  const account = accounts.find(({ id }) => id === chosen) ?? (accounts.length === 1 ? accounts[0] : undefined);
  if (account === undefined && accounts.length > 1 && !chosen)
    throw new CommandError(
      `wrangler is logged in to ${accounts.length} accounts; choose one by CLOUDFLARE_ACCOUNT_ID: ${accounts
        .map(({ id, name }) => `${id} (${name})`)
        .join(", ")}`,
    );
  return account ? `${account.name} (${account.id})` : (chosen ?? null);
}

async function isQueue(wrangler: Wrangler, queue: string): Promise<boolean> {
  const outcome = await wrangler.run(["queues", "info", queue]);
  if (outcome.code === 0) return true;
  if (/does not exist/i.test(outcome.stdout + outcome.stderr)) return false;
  throw new CommandError(`wrangler queues info ${queue} failed (exit code ${outcome.code}): ${wordsOf(outcome)}`);
}

/** Names only; a Worker that is not there has none. */
async function secretsOf(wrangler: Wrangler, { configFile }: Target): Promise<string[]> {
  const outcome = await wrangler.run(["secret", "list", "-c", configFile, "--format", "json"]);
  if (outcome.code === 0) {
    const list = parse(outcome.stdout) as { name: string }[] | undefined;
    if (Array.isArray(list)) return list.map(({ name }) => name);
  } else if (/Worker .*not found/i.test(outcome.stdout + outcome.stderr)) return [];
  throw new CommandError(`wrangler secret list failed (exit code ${outcome.code}): ${wordsOf(outcome)}`);
}

function planLines(target: Target, plan: Plan | null): string[] {
  const queueLine = (queue: string) => {
    if (plan === null) return `  queue   ${queue}: created unless it is there`;
    return `  queue   ${queue}: ${plan.missingQueues.includes(queue) ? "create" : "is there"}`;
  };
  const keyLine = (name: KeyName) => {
    const source = KEYS[name].given() ? "set from the variable on this machine" : "make a new one and show it once";
    if (plan === null) return `  secret  ${name}: unless it is set, ${source}`;
    return `  secret  ${name}: ${plan.missingKeys.includes(name) ? source : "is set, stays"}`;
  };
  return [
    plan === null ? `inngest deploy would:` : `inngest deploy will, in the account ${plan.account ?? "of wrangler"}:`,
    ...target.queues.map(queueLine),
    `  Worker  ${target.name}: deploy ${target.config ? "the platform of this package" : "it"} (${target.configFile})`,
    ...keyNames.map(keyLine),
  ];
}

/** Nothing leaves this machine. */
async function rehearse(wrangler: Wrangler, target: Target, options: DeployOptions): Promise<void> {
  for (const line of planLines(target, null)) note(line);
  const outdir = mkdtempSync(join(tmpdir(), "inngest-deploy-"));
  try {
    await wrangler.must(["deploy", "-c", target.configFile, "--dry-run", "--outdir", outdir], { isShown: true });
  } finally {
    rmSync(outdir, { recursive: true, force: true });
  }
  if (options.json) printJson({ worker: target.name, queues: target.queues, config: target.config });
  else if (target.config) printJson(target.config);
}

// ---- doing it -------------------------------------------------------------------------------------------------------

async function createQueue(wrangler: Wrangler, queue: string): Promise<void> {
  note(`creating the queue ${queue} …`);
  const outcome = await wrangler.run(["queues", "create", queue]);
  if (outcome.code === 0 || /already (taken|exists)/i.test(outcome.stdout + outcome.stderr)) return; // somebody was faster
  throw new CommandError(`wrangler queues create ${queue} failed (exit code ${outcome.code}): ${wordsOf(outcome)}`);
}

/** @returns where the Worker answers, as wrangler tells programs */
async function upload(wrangler: Wrangler, { name, configFile }: Target): Promise<string[]> {
  note(`deploying the Worker ${name} …`);
  const folder = mkdtempSync(join(tmpdir(), "inngest-deploy-"));
  const file = join(folder, "output.ndjson");
  try {
    await wrangler.must(["deploy", "-c", configFile], { isShown: true, env: { WRANGLER_OUTPUT_FILE_PATH: file } });
    if (!existsSync(file)) return [];
    const entries = readFileSync(file, "utf8").split("\n").map(parse) as (
      | { type?: string; targets?: unknown[] }
      | undefined
    )[];
    const targets = entries.find((entry) => entry?.type === "deploy")?.targets ?? [];
    return targets.flatMap((one) => (typeof one === "string" && one.startsWith("https://") ? [one] : []));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function report(
  target: Target,
  plan: Plan,
  urls: string[],
  made: Partial<Record<KeyName, string>>,
  { json }: DeployOptions,
): void {
  const [url] = urls;
  if (json)
    return printJson({
      worker: target.name,
      urls,
      queues_created: plan.missingQueues,
      keys_set: plan.missingKeys,
      keys_made: made,
    });
  print(`\n${target.name} is deployed${url === undefined ? "" : `: ${url}`}`);
  if (Object.keys(made).length > 0) {
    print("\nFor the environment of your apps. The keys are shown this once:\n");
    for (const [name, key] of Object.entries(made)) print(`${name}=${key}`);
    print(`INNGEST_BASE_URL=${url ?? "<its address>"}`);
  }
  print(`\nCheck it: INNGEST_SIGNING_KEY=… npx @dotdo/inngest doctor --url ${url ?? "<its address>"}`);
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}
