/**
 * Follows a section of the README as a reader does.
 *
 * - A block whose first line is a comment with a file name (`// src/index.ts`, `# wrangler.toml`) is that file; so is
 *   what the text says to put into a file: Put `INNGEST_DEV=1` into `.dev.vars`.
 * - Every line of an `sh` block is a command. Servers (`npx wrangler dev`, `npx inngest dev`, `node …`) stay up, other
 *   commands are waited for. The package comes from the tarball, all others from the registry.
 * - Then the event is sent: by the section's own `curl`, or, where the text says so, by opening `/`.
 */
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { dirname, join } from "node:path";
import { until } from "../helpers/platform-api.ts";

export interface QuickStart {
  title: string;
  /** in their order */
  files: { path: string; text: string }[];
  commands: string[];
  opens: string | undefined;
}

/** The sections whose title begins with "Quick start". */
export function readQuickStarts(readme: string): QuickStart[] {
  const sections = readFileSync(readme, "utf8").split(/^## /m);
  return sections.filter((section) => section.startsWith("Quick start")).map(readSection);
}

function readSection(section: string): QuickStart {
  const [title = ""] = section.split("\n");
  const files: QuickStart["files"] = [];
  const commands: string[] = [];
  const text = section.replaceAll(/^```(\w*)\n(.*?)^```/gms, (_, language: string, block: string) => {
    const [, path] = /^(?:\/\/|#) ([\w./-]*\.[\w-]+)\n/.exec(block) ?? [];
    if (path !== undefined) files.push({ path, text: block });
    else if (language === "sh") commands.push(...readCommands(block));
    return "";
  });
  for (const [, content = "", path = ""] of text.matchAll(/Put `([^`]+)` into `([^`]+)`/gi))
    files.push({ path, text: content });
  const [, server] = /run `(npx wrangler dev)`/i.exec(text) ?? [];
  if (server !== undefined && !commands.some((command) => command.startsWith(server))) commands.push(server);
  return { title, files, commands, opens: /open `(\/[^`]*)`/i.exec(text)?.[1] };
}

function readCommands(block: string): string[] {
  const lines = block.replaceAll(/\\\n\s*/g, "").split("\n");
  return lines.map((line) => line.replace(/(^|\s)#.*$/, "").trim()).filter((line) => line !== "");
}

const WRANGLER_PORT = 8787;
const INNGEST_PORT = 8288;
const APP_PORT = 3000;

export interface Followed {
  /** where the platform answers */
  platform: string;
  /** what sending the event answered */
  sent: { ids: string[] };
  stop(): Promise<void>;
}

export async function follow(quickStart: QuickStart, folder: string, tarball: string): Promise<Followed> {
  const servers: ChildProcess[] = [];
  const output: string[] = [];
  const stop = async () => {
    await Promise.all(servers.map(end));
  };
  try {
    for (const { path, text } of quickStart.files) {
      mkdirSync(dirname(join(folder, path)), { recursive: true });
      writeFileSync(join(folder, path), text);
    }
    let sent: { ids: string[] } | undefined;
    let platform = `http://127.0.0.1:${INNGEST_PORT}`;
    for (const command of quickStart.commands) {
      const port = portOf(command);
      if (port !== undefined) {
        if (port === WRANGLER_PORT) platform = `http://127.0.0.1:${WRANGLER_PORT}`;
        if (await answers(port)) throw new Error(`Port ${port} is in use; "${command}" needs it`);
        const server = startServer(command, folder, output);
        servers.push(server);
        const ended = once(server, "exit").then(() => {
          throw new Error(`"${command}" ended`);
        });
        ended.catch(() => {}); // in its time
        await Promise.race([until(`"${command}" listens on ${port}`, 60_000, () => answers(port)), ended]);
        // a reader sees this line, and then goes on
        if (/ -u | --url /.test(command))
          await until("the app is found", 10_000, async () => output.join("").includes("found app"));
      } else if (command.startsWith("curl ")) {
        const answer = await until(`"${command}" succeeds`, 20_000, async () =>
          runCommand(`${command} -sf`, folder, tarball),
        );
        if (answer.includes('"ids"')) sent = JSON.parse(answer) as { ids: string[] };
      } else {
        runCommand(command, folder, tarball);
      }
    }
    if (quickStart.opens !== undefined) {
      const url = `${platform}${quickStart.opens}`;
      sent = await until(`${url} answers`, 30_000, async () => (await (await fetch(url)).json()) as { ids: string[] });
    }
    if (sent === undefined) throw new Error(`"${quickStart.title}" sends no event`);
    return { platform, sent, stop };
  } catch (error) {
    await stop();
    throw new Error(`Following "${quickStart.title}" failed\n${output.join("")}`, { cause: error });
  }
}

/** The port that a server takes unless told otherwise; undefined for a command that ends. */
function portOf(command: string): number | undefined {
  if (command.includes("npx wrangler dev")) return WRANGLER_PORT;
  if (command.includes("npx inngest dev")) return INNGEST_PORT;
  return /^(\w+=\S+ )*(node|npx tsx) /.test(command) ? APP_PORT : undefined;
}

function runCommand(command: string, folder: string, tarball: string): string {
  const line = command.replaceAll("@dotdo/inngest", tarball);
  const env = { ...process.env, npm_config_prefer_offline: "true", npm_config_loglevel: "error" };
  return execFileSync("sh", ["-c", line], { cwd: folder, encoding: "utf8", env, stdio: ["ignore", "pipe", "pipe"] });
}

function startServer(command: string, folder: string, output: string[]): ChildProcess {
  const env = { ...process.env, WRANGLER_SEND_METRICS: "false", CLOUDFLARE_CF_FETCH_ENABLED: "false" };
  const child = spawn("sh", ["-c", command], { cwd: folder, env, detached: true });
  for (const stream of [child.stdout, child.stderr]) stream.on("data", (chunk: Buffer) => output.push(String(chunk)));
  return child;
}

/** To the whole group: npx and the shell do not pass it on. */
async function end(child: ChildProcess): Promise<void> {
  if (child.pid === undefined || child.exitCode !== null) return;
  const ended = once(child, "exit");
  process.kill(-child.pid, "SIGINT");
  await ended;
}

async function answers(port: number): Promise<boolean> {
  const socket = connect(port, "127.0.0.1");
  const isOpen = await once(socket, "connect").then(
    () => true,
    () => false,
  );
  socket.destroy();
  return isOpen;
}
