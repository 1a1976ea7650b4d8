/** Cloudflare's command line, the user's own: it has the login, and says itself what it does. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { accessSync, constants, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { delimiter, dirname, join } from "node:path";
import { stripVTControlCharacters } from "node:util";
import { CommandError } from "./exit-codes.ts";
import { verifiedVersion } from "./tools.ts";

/** The first that knows `[exports]`, by which objects are declared. */
const OLDEST: readonly [number, number] = [4, 107];

const packageRoot = join(import.meta.dirname, "../..");

export interface Outcome {
  code: number;
  stdout: string;
  stderr: string;
}

export interface RunOptions {
  /** given as stdin, so that secrets are in no list of processes */
  input?: string;
  /** what it says is for the user to see, on stderr */
  isShown?: boolean;
  env?: Record<string, string>;
}

export class Wrangler {
  readonly #command: readonly string[];

  private constructor(command: readonly string[]) {
    this.#command = command;
  }

  /** That of the project, else of the PATH. @throws CommandError with what to install */
  static async find(): Promise<Wrangler> {
    const install = `npm install -D wrangler@${verifiedVersion("wrangler")}`;
    const command = installedIn(process.cwd()) ?? onPath() ?? installedIn(packageRoot);
    if (command === undefined) throw new CommandError(`wrangler is not installed; run: ${install}`);
    const found = new Wrangler(command);
    const { stdout } = await found.run(["--version"]);
    const [, version = "", major = "0", minor = "0"] = /((\d+)\.(\d+)\.\d+)/.exec(stdout) ?? [];
    const isOld = Number(major) < OLDEST[0] || (Number(major) === OLDEST[0] && Number(minor) < OLDEST[1]);
    if (isOld)
      throw new CommandError(
        `wrangler ${version || "(unknown)"} is older than ${OLDEST.join(".")}, which is needed; run: ${install}`,
      );
    return found;
  }

  async run(args: readonly string[], { input, isShown = false, env = {} }: RunOptions = {}): Promise<Outcome> {
    const [file = "", ...first] = this.#command;
    const child = spawn(file, [...first, ...args], {
      stdio: [input === undefined ? "ignore" : "pipe", "pipe", "pipe"],
      env: { ...process.env, ...env },
      shell: process.platform === "win32" && file === "wrangler",
    });
    const outcome = { code: 1, stdout: "", stderr: "" };
    for (const name of ["stdout", "stderr"] as const)
      child[name]?.on("data", (chunk: Buffer) => {
        outcome[name] += chunk.toString();
        if (isShown) process.stderr.write(chunk);
      });
    child.stdin?.on("error", () => {}); // it ended without reading: its exit code tells
    child.stdin?.end(input);
    const [code] = (await once(child, "close")) as [number | null];
    return { ...outcome, code: code ?? 1 };
  }

  /** @throws CommandError with what it said, when it fails */
  async must(args: readonly string[], options: RunOptions = {}): Promise<Outcome> {
    const outcome = await this.run(args, options);
    if (outcome.code === 0) return outcome;
    const said = options.isShown ? "see above" : wordsOf(outcome);
    throw new CommandError(`wrangler ${args.slice(0, 3).join(" ")} failed (exit code ${outcome.code}): ${said}`);
  }
}

/** The end of what it printed, without colours. */
export function wordsOf({ stdout, stderr }: Outcome): string {
  const text = stripVTControlCharacters(`${stdout}\n${stderr}`).trim();
  return text.split("\n").filter(Boolean).slice(-8).join("\n") || "it said nothing";
}

function installedIn(folder: string): string[] | undefined {
  try {
    const manifest = createRequire(join(folder, "package.json")).resolve("wrangler/package.json");
    const { bin } = JSON.parse(readFileSync(manifest, "utf8")) as { bin: Record<string, string> };
    return [process.execPath, join(dirname(manifest), bin.wrangler ?? "bin/wrangler.js")];
  } catch {
    return undefined;
  }
}

function onPath(): string[] | undefined {
  const names = process.platform === "win32" ? ["wrangler.cmd"] : ["wrangler"];
  const folders = (process.env.PATH ?? "").split(delimiter);
  const isThere = folders.some((folder) => names.some((name) => isExecutable(join(folder, name))));
  return isThere ? ["wrangler"] : undefined;
}

function isExecutable(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
