/** All commands with their options: what `--help` prints, and docs/cli.md is compared with. */
import { version } from "../sdk/version.ts";
import { CommandLine } from "./command-line.ts";
import { addApps } from "./commands/apps.ts";
import { addDeploy } from "./commands/deploy.ts";
import { addDev } from "./commands/dev.ts";
import { addDoctor } from "./commands/doctor.ts";
import { addEvents } from "./commands/events.ts";
import { addFunctions } from "./commands/functions.ts";
import { addMcp } from "./commands/mcp.ts";
import { addRuns } from "./commands/runs.ts";

const EPILOGUE = `
Examples:
  inngest dev -u http://localhost:3000/api/inngest
  inngest events send order/created --data '{"id":"o1"}'
  inngest runs list --status failed --since 1h
  inngest doctor --url https://inngest.example.workers.dev --key signkey-…

All but dev and deploy ask a platform, local or deployed: --url, --key, --env, or the variables INNGEST_BASE_URL,
INNGEST_SIGNING_KEY, INNGEST_ENV. inngest <command> --help tells more.

Exit codes: 0 done, 1 failed, 2 wrong arguments, 3 the run that was waited for did not complete, 4 time is up.`;

export function createProgram(): CommandLine {
  const program = new CommandLine("inngest")
    .description("Durable workflows on Cloudflare: run, deploy and operate the platform")
    .version(version, "--version", "print the version")
    .helpOption("-h, --help", "print what there is to use")
    .helpCommand(false)
    .addHelpText("after", EPILOGUE)
    .exitOverride();
  addDev(program);
  addDeploy(program);
  addRuns(program);
  addEvents(program);
  addFunctions(program);
  addApps(program);
  addDoctor(program);
  addMcp(program);
  return program;
}
