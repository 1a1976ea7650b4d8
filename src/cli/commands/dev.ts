/** `inngest dev`: its options; what it does is in ../dev-server.ts, and with it Miniflare, which other commands do without. */
import { checked, httpUrl, listed, text, type CommandLine } from "../command-line.ts";
import { CommandError, usageError } from "../exit-codes.ts";
import type { Setting } from "../dev-server.ts";

const MIN_NODE = 22; // Miniflare's

interface DevOptions {
  url?: string[];
  sdkUrl?: string[];
  port?: string;
  state?: string;
  /** false by `--no-persist` */
  persist?: boolean;
  /** false by `--no-…` */
  poll: boolean;
  discovery: boolean;
  install: boolean;
}

export function addDev(program: CommandLine): void {
  program
    .command("dev")
    .description("run the platform on this machine, in dev mode, until Ctrl-C")
    .addOption(
      listed(
        "-u, --url <url>",
        "where an app serves its functions, such as http://localhost:3000/api/inngest; may be given several times; its functions are registered and followed",
        httpUrl,
      ),
    )
    .addOption(listed("--sdk-url <url>", "the same, as Inngest's command calls it", httpUrl).hideHelp())
    .addOption(checked("-p, --port <port>", "default 8288 (variable PORT)", text))
    .addOption(
      checked("--state <dir>", "default .inngest (variable INNGEST_STATE); delete it to start from nothing", text),
    )
    .option("--persist", "keep the state in .inngest between starts: the default here")
    .option("--no-persist", "begin with nothing, and leave nothing")
    .option("--no-poll", "ask the apps for their functions once, not every 5 s")
    .option("--no-discovery", "do not look for apps on the usual ports; nobody does where --url names one")
    .option("--no-install", "do not fetch the Workers runtime when the project has none")
    .addHelpText("after", "\nINNGEST_WORKER=<file> runs another Worker, such as one that holds app and engine.")
    .action(dev);
}

async function dev(options: DevOptions): Promise<void> {
  if (Number.parseInt(process.versions.node, 10) < MIN_NODE) {
    throw new CommandError(`inngest dev needs Node ${MIN_NODE} or newer; this is Node ${process.versions.node}`);
  }
  if (options.persist === false && options.state !== undefined)
    throw usageError("--state says where to keep what --no-persist does not keep; leave one of them out");
  const { runDevServer } = await import("../dev-server.ts");
  const urls = [...(options.url ?? []), ...(options.sdkUrl ?? [])];
  const { poll: isPolling } = options;
  await runDevServer({
    port: setting(options.port, "--port ", process.env.PORT, "PORT="),
    state: setting(options.state, "--state ", process.env.INNGEST_STATE, "INNGEST_STATE="),
    isKept: options.persist !== false,
    worker: process.env.INNGEST_WORKER,
    urls,
    isPolling,
    isDiscovering: isPolling && options.discovery && urls.length === 0,
    mayInstall: options.install,
  });
}

/** An option, else its variable; an empty variable is none. */
function setting(
  given: string | undefined,
  option: string,
  variable: string | undefined,
  name: string,
): Setting | undefined {
  if (given !== undefined) return { value: given, name: option };
  return variable ? { value: variable, name } : undefined;
}
