/**
 * `inngest mcp`: the platform's MCP server for agents that speak over stdin and stdout. Each message passes as it is: what
 * there is to call, and who may, is the platform's business.
 */
import { createInterface } from "node:readline";
import { checked, text, type CommandLine } from "../command-line.ts";
import { usageError } from "../exit-codes.ts";
import { note, print } from "../output.ts";
import { platformOf, withTarget, type Platform, type TargetOptions } from "../platform.ts";
import { messagesOf } from "../server-events.ts";

export function addMcp(program: CommandLine): void {
  const command = program
    .command("mcp")
    .description("the platform's MCP server over stdin and stdout, for coding agents");
  withTarget(command)
    .addOption(
      checked("--path <path>", "where it is on the platform; default /mcp, in a Worker with an app /inngest/mcp", text),
    )
    .option("--print", "print what to put into an agent's configuration, instead")
    .action(async ({ path = "/mcp", ...options }: TargetOptions & { path?: string; print?: true }) => {
      if (!path.startsWith("/")) throw usageError(`--path is "${path}"; it must begin with /, such as /inngest/mcp`);
      const platform = platformOf(options);
      if (options.print) return printConfiguration(platform, path);
      await new Bridge(platform, path).run();
    });
}

/** Keys stay out of it: they come from the variable. */
function printConfiguration(platform: Platform, path: string): void {
  const isSecured = platform.key !== null;
  const stdio = {
    mcpServers: {
      inngest: {
        command: "npx",
        args: ["-y", "@dotdo/inngest", "mcp", "--url", platform.url, ...(path === "/mcp" ? [] : ["--path", path])],
        ...(isSecured && { env: { INNGEST_SIGNING_KEY: "<signing key>" } }),
      },
    },
  };
  const header = isSecured ? ' --header "Authorization: Bearer <signing key>"' : "";
  print(`Agents that take an address (streamable HTTP): ${platform.url}${path}

Claude Code:
  claude mcp add --transport http inngest ${platform.url}${path}${header}

Agents that start a command (Cursor, VS Code and others), in their mcp.json:
${JSON.stringify(stdio, null, 2)}`);
}

interface Message {
  jsonrpc?: string;
  id?: string | number | null;
  method?: string;
  params?: { name?: unknown; uri?: unknown; _meta?: Record<string, unknown> };
  result?: { protocolVersion?: string };
}

/** JSON-RPC's code for what is the server's own trouble. */
const INTERNAL_ERROR = -32_603;
const PARSE_ERROR = -32_700;

class Bridge {
  readonly #platform: Platform;
  readonly #path: string;
  readonly #stopping = new AbortController();
  /** what the server has told at the beginning, and wants to hear again */
  #session: Record<string, string> = {};
  #pending = new Set<Promise<void>>();

  constructor(platform: Platform, path: string) {
    this.#platform = platform;
    this.#path = path;
  }

  /** Until stdin ends, and everything asked before has been answered. */
  async run(): Promise<void> {
    note(`inngest: MCP between stdin and ${this.#platform.url}${this.#path}`);
    for await (const line of createInterface({ input: process.stdin })) {
      if (line.trim() === "") continue;
      const passing = this.#pass(line);
      this.#pending.add(passing);
      void passing.finally(() => this.#pending.delete(passing));
      if (isFirst(line)) await passing; // what follows names the session that it opens
    }
    await Promise.all(this.#pending);
    this.#stopping.abort();
    if ("mcp-session-id" in this.#session)
      await this.#platform.request("DELETE", this.#path, { headers: this.#session }).catch(() => {}); // it ends by itself, too
  }

  async #pass(line: string): Promise<void> {
    const asked = parse(line);
    if (asked === undefined) return answer({ id: null, error: { code: PARSE_ERROR, message: "not JSON" } });
    try {
      const headers = { accept: "application/json, text/event-stream", ...this.#session, ...headersOf(asked) };
      const { signal } = this.#stopping;
      const response = await this.#platform.send("POST", this.#path, { body: line, headers, signal });
      const session = response.headers.get("mcp-session-id");
      if (session !== null) this.#session["mcp-session-id"] = session;
      if (response.headers.get("content-type")?.startsWith("text/event-stream")) {
        for await (const { data } of messagesOf(response)) this.#tell(asked, data);
      } else {
        const body = await response.text();
        const isOurs = response.ok || parse(body)?.jsonrpc !== undefined; // errors of the protocol pass, too
        if (!isOurs) throw this.#platform.refusal(response, "POST", this.#path, body);
        if (body !== "") this.#tell(asked, body);
      }
    } catch (error) {
      if (asked.id === undefined || asked.method === undefined) return; // nobody waits for an answer
      const message = error instanceof Error ? error.message : String(error);
      answer({ id: asked.id, error: { code: INTERNAL_ERROR, message } });
    }
  }

  /** A message of the server, on one line. */
  #tell(asked: Message, text: string): void {
    const told = parse(text);
    if (told === undefined) return note(`inngest: ${this.#platform.url}${this.#path} answered no JSON`);
    const version = asked.method === "initialize" ? told.result?.protocolVersion : undefined;
    if (version !== undefined) this.#session["mcp-protocol-version"] = version;
    print(JSON.stringify(told));
  }
}

/**
 * What the revision of 2026 wants to read in headers, too: version, method and name of what is asked. Earlier ones name the
 * version that `initialize` has agreed on.
 */
function headersOf({ method, params }: Message): Record<string, string> {
  const version = params?._meta?.["io.modelcontextprotocol/protocolVersion"];
  if (typeof version !== "string" || method === undefined) return {};
  const name = params?.name ?? params?.uri;
  return {
    "mcp-protocol-version": version,
    "mcp-method": method,
    ...(typeof name === "string" && { "mcp-name": headerText(name) }),
  };
}

/** As the protocol writes texts that a header cannot hold. */
function headerText(name: string): string {
  return /^[\x21-\x7e](?:[\x20-\x7e]*[\x21-\x7e])?$/.test(name)
    ? name
    : `=?base64?${Buffer.from(name).toString("base64")}?=`;
}

function isFirst(line: string): boolean {
  return parse(line)?.method === "initialize";
}

function answer(message: object): void {
  print(JSON.stringify({ jsonrpc: "2.0", ...message }));
}

function parse(text: string): Message | undefined {
  try {
    return JSON.parse(text) as Message;
  } catch {
    return undefined;
  }
}
