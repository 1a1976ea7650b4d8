/** `inngest deploy`: its options; what it does is in ../deployment.ts. */
import { checked, httpUrl, listed, text, type CommandLine } from "../command-line.ts";
import type { DeployOptions } from "../deployment.ts";
import { usageError } from "../exit-codes.ts";

export function addDeploy(program: CommandLine): void {
  program
    .command("deploy")
    .description(
      "put the platform onto your Cloudflare account: queues, Worker, keys; by your wrangler, and asked first",
    )
    .addOption(checked("--name <name>", "of the Worker; its queues are named after it; default inngest", workerName))
    .addOption(checked("--domain <host>", "also serve it at this host name of your account", text))
    .addOption(listed("-u, --url <url>", "an app that the platform asks every minute for its functions", httpUrl))
    .addOption(
      checked(
        "-c, --config <file>",
        "deploy the Worker of this wrangler configuration instead: app and engine in one",
        text,
      ),
    )
    .option("--dry-run", "print what it would do and the configuration, and have wrangler check both; needs no login")
    .option("-y, --yes", "do not ask")
    .option("--json", "print JSON for programs")
    .action(async (options: DeployOptions) => {
      if (options.config !== undefined && (options.name ?? options.domain ?? options.url) !== undefined)
        throw usageError("--config says all of that itself; leave out --name, --domain and --url");
      const { deploy } = await import("../deployment.ts");
      await deploy(options);
    });
}

function workerName(value: string, name: string): string {
  if (/^[a-z0-9][a-z0-9-]{0,50}$/.test(value)) return value;
  throw usageError(`${name} is "${value}"; it must be of up to 51 of a-z, 0-9 and -, such as inngest-staging`);
}
