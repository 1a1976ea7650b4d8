#!/usr/bin/env node
/** `inngest`: reads the arguments and hands over to a command. */
import nodeModule from "node:module";
import { parseArgs } from "node:util";
import { editDistance } from "../protocol/edit-distance.ts";
import { version } from "../sdk/version.ts";
import type { Setting } from "./commands/dev.ts";

const MIN_NODE = 22; // Miniflare's

const usage = `Usage: inngest dev [options]

Runs the platform on this machine, in dev mode, until Ctrl-C.

  -u, --url <url>    where an app serves its functions, such as http://localhost:3000/api/inngest;
                     may be given several times; its functions are registered and followed
  -p, --port <port>  default 8288 (variable PORT)
      --state <dir>  default .inngest (variable INNGEST_STATE); delete it to start from nothing
      --no-poll      ask the apps for their functions once, not every 5 s
  -h, --help
      --version

INNGEST_WORKER=<file> runs another Worker, such as one that holds app and engine.`;

const options = {
  url: { type: "string", short: "u", multiple: true },
  port: { type: "string", short: "p" },
  state: { type: "string" },
  "no-poll": { type: "boolean" },
  help: { type: "boolean", short: "h" },
  version: { type: "boolean" },
} as const;

async function main(args: string[]): Promise<void> {
  nodeModule.enableCompileCache?.(); // missing before Node 22.1; the tools are megabytes to parse, also for what this process forks
  const { values, positionals, tokens } = parseArgs({
    args,
    options,
    allowPositionals: true,
    strict: false,
    tokens: true,
  });
  for (const token of tokens) if (token.kind === "option") check(token);
  if (values.help) return console.log(usage);
  if (values.version) return console.log(version);

  const [command, ...rest] = positionals;
  if (command === undefined) return console.log(usage);
  if (command !== "dev") throw new Error(`There is no command "${command}"; the one there is: inngest dev`);
  if (rest.length > 0) throw new Error(`"${rest[0]}" is one argument too many; see inngest --help`);
  if (Number.parseInt(process.versions.node, 10) < MIN_NODE) {
    throw new Error(`inngest dev needs Node ${MIN_NODE} or newer; this is Node ${process.versions.node}`);
  }

  const urls = (values.url ?? []).map(String);
  for (const url of urls) checkUrl(url);
  const { dev } = await import("./commands/dev.ts");
  await dev({
    port: setting(values.port, "port", "PORT"),
    state: setting(values.state, "state", "INNGEST_STATE"),
    worker: process.env.INNGEST_WORKER,
    urls,
    isPolling: !values["no-poll"],
  });
}

/** An option, else its variable; an empty variable is none. */
function setting(given: unknown, option: string, variable: string): Setting | undefined {
  if (typeof given === "string") return { value: given, name: `--${option} ` };
  const value = process.env[variable];
  return value ? { value, name: `${variable}=` } : undefined;
}

function check({ name, rawName, value }: { name: string; rawName: string; value?: string | undefined }): void {
  if (!Object.hasOwn(options, name)) {
    const known = Object.keys(options);
    const nearest = known.toSorted((a, b) => editDistance(a, name) - editDistance(b, name))[0] ?? "";
    const hint = editDistance(nearest, name) <= 2 ? `did you mean --${nearest}?` : "see inngest --help";
    throw new Error(`There is no option ${rawName}; ${hint}`);
  }
  const takesValue = options[name as keyof typeof options].type === "string";
  if (takesValue && (value === undefined || value === ""))
    throw new Error(`${rawName} needs a value; see inngest --help`);
  if (!takesValue && value !== undefined) throw new Error(`${rawName} takes no value`);
}

function checkUrl(url: string): void {
  if (URL.canParse(url) && /^https?:$/.test(new URL(url).protocol)) return;
  throw new Error(`--url is "${url}"; it must be a full URL, such as http://localhost:3000/api/inngest`);
}

main(process.argv.slice(2)).catch((error: unknown) => {
  console.error(`inngest: ${error instanceof Error ? error.message : String(error)}`);
  process.exit(1);
});
