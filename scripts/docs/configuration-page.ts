import { readFileSync } from "node:fs";
import { join } from "node:path";
import {
  appVariables,
  commandVariables,
  platformBindings,
  platformVariables,
  unreadVariables,
  type Setting,
} from "../../src/configuration.ts";
import { fenced, page, table } from "./markdown.ts";
import { optionsOf } from "./options.ts";

/** docs/configuration.md: the lists of src/configuration.ts, and the options as the code documents them. */
export function configurationPage(root: string): string {
  const read = (path: string) => readFileSync(join(root, path), "utf8");
  return page(
    "<!-- Made by `npm run docs` from src/configuration.ts and the code's own comments; changes here are overwritten. -->",
    "# Configuration",
    "Everything that can be set: variables, bindings and options, each with what holds when it is not set. Where an option\nand a variable set the same thing, the option wins.",
    "## Platform",
    "The Worker that `createWorker` makes, whether it is the platform alone or holds an app too.",
    "### Platform: variables",
    "Set secrets by `npx wrangler secret put <name>`. They are read at each use, so a change needs no restart.",
    settings("variable", platformVariables),
    "### Platform: bindings",
    settings("binding", platformBindings),
    "The configuration of the platform alone; a Worker that holds app and engine has the same tables and its own `name` and\n`main`:",
    fenced("toml", read("wrangler.toml")),
    "### Platform: options of `createWorker`",
    options(read("src/worker.ts"), "WorkerOptions"),
    "## App",
    "An app that is served over HTTP, or the client in any program that sends events.",
    "### App: variables",
    "An empty variable counts as unset.",
    settings("variable", appVariables),
    "### App: options of `new Inngest`",
    options(read("src/sdk/client.ts"), "ClientOptions"),
    "### App: options of `serve`",
    options(read("src/serve/app.ts"), "ServeOptions"),
    "## Command line",
    "Commands, their options and exit codes: [cli.md](cli.md).",
    "### Command line: variables",
    settings("variable", commandVariables),
    "## Not read by this version",
    "Variables of Inngest's SDK that have no effect here.",
    table(
      ["variable", "why"],
      Object.entries(unreadVariables).map(([name, why]) => [code(name), why]),
    ),
  );
}

function settings(kind: string, entries: Record<string, Setting>): string {
  const rows = Object.entries(entries).map(([name, { says, default: otherwise }]) => [code(name), says, otherwise]);
  return table([kind, "what it does", "when not set"], rows);
}

function options(source: string, name: string): string {
  const rows = optionsOf(source, name).map(({ name: option, isRequired, type, says }) => [
    `${code(option)}${isRequired ? " (required)" : ""}`,
    code(type),
    says,
  ]);
  return table(["option", "type", "what it does"], rows);
}

function code(text: string): string {
  return `\`${text}\``;
}
