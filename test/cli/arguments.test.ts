/** What the command line makes of arguments; docs/cli.md says the same to people. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { Command } from "commander";
import { expect, test } from "vitest";
import { exitCodes } from "../../src/cli/exit-codes.ts";
import { createProgram } from "../../src/cli/program.ts";

const page = readFileSync(join(import.meta.dirname, "../../docs/cli.md"), "utf8");

test.each([
  ["dev --prot 1", "There is no option --prot; did you mean --port?"],
  ["dev --nopoll", "There is no option --nopoll; did you mean --no-poll?"],
  ["dev -x", "There is no option -x; see inngest dev --help"],
  ["dev now", '"now" is one argument too many; see inngest dev --help'],
  ["dev --port", "--port needs a value; see inngest dev --help"],
  ["dev --port=", "--port needs a value"],
  ["dev --no-poll=1", "--no-poll takes no value"],
  ["dev -u 3000", '--url is "3000"; it must be a full URL, such as http://localhost:3000/api/inngest'],
  ["dev --no-persist --state x", "--state says where to keep what --no-persist does not keep; leave one of them out"],
  ["start", 'There is no command "start"; see inngest --help'],
  ["evnts list", 'There is no command "evnts"; did you mean events?'],
  ["runs lst", 'There is no command "lst"; did you mean list?'],
  ["runs get", "inngest runs get needs <run>; see inngest runs get --help"],
  ["runs list --limit 0", '--limit is "0"; it must be a whole number from 1 to 10000'],
  [
    "runs list --status done",
    '--status is "done"; it must be of Scheduled, Running, Completed, Failed, Cancelled, Skipped',
  ],
  [
    "runs list --since yesterday",
    '--since is "yesterday"; it must be an instant such as 2026-01-31T12:00:00Z, or how long ago: 30m, 2h, 7d',
  ],
  ["runs get x --timeout long", '--timeout is "long"; it must be a length of time, such as 30s, 5m or 1h30m'],
  [
    "runs cancel",
    "name the runs to cancel, or choose them by --app or --function; --since, --until, --status and --if narrow that",
  ],
  [
    "runs cancel x --since 1h",
    "--since chooses among all runs; leave it out to cancel the runs that are named, or the names",
  ],
  [
    "runs replay --since 1h",
    "choose the runs to replay by --app or --function; --since, --until, --status and --if narrow that",
  ],
  ["runs rerun x --input []", "--input is what a step is given; name the step with --from-step"],
  [
    "runs rerun x --from-step a --input {}",
    '--input must be a JSON list of the step\'s arguments, such as [{"amount":5}]',
  ],
  ["runs tail x --app a", "--status, --app and --function choose among all runs; leave them out, or the run"],
  ["events send", "inngest events send needs <name>, or --file; see inngest events send --help"],
  ["events send a --file b", "--file has whole events; leave out the name, --data, --id and --ts"],
  ["events send a --data 1", "--data must be a JSON object, such as '{\"a\":1}'"],
  ["events send a --data @none.json", "--data: the file none.json cannot be read (ENOENT)"],
  ["apps sync shop", '<url> is "shop"; it must be a full URL, such as http://localhost:3000/api/inngest'],
  ["deploy --name A_b", '--name is "A_b"; it must be of up to 51 of a-z, 0-9 and -, such as inngest-staging'],
  ["deploy -c a.toml --name b", "--config says all of that itself; leave out --name, --domain and --url"],
])("`inngest %s` is refused in one line that says what would be right", async (line, message) => {
  const refused = expect(createProgram().parseAsync(line.split(" "), { from: "user" })).rejects;
  await refused.toMatchObject({ message, exitCode: exitCodes.usage });
});

test("JSON that is none is told with the ways to give it", async () => {
  const args = ["events", "send", "a", "--data", "{a:1}"];
  await expect(createProgram().parseAsync(args, { from: "user" })).rejects.toThrow(
    /^--data is not JSON \(.*\); quote it for the shell, '\{"a":1\}', or read it from a file: @data\.json, or from stdin: -$/,
  );
});

function commandsOf(command: Command, above: string[] = []): { name: string; command: Command }[] {
  const path = [...above, command.name()];
  if (command.commands.length === 0) return [{ name: path.join(" "), command }];
  return command.commands.flatMap((one) => commandsOf(one, path));
}

test.each(commandsOf(createProgram()))("docs/cli.md has `$name` with each of its options", ({ name, command }) => {
  expect(page).toContain(`\`${name}`);
  for (const { long, hidden } of command.options) if (!hidden) expect(page, `${name} ${long}`).toContain(`\`${long}`);
});

test("docs/cli.md has every exit code", () => {
  for (const code of Object.values(exitCodes)) expect(page).toContain(`| ${code} |`);
});
