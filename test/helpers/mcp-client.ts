/** An agent's way to the platform: the official client of the Model Context Protocol. */
import { Client, StreamableHTTPClientTransport, type FetchLike } from "@modelcontextprotocol/client";

export type Era = "legacy" | "auto";

/** What a tool has said: JSON, or the words of an error. */
export interface Said {
  isError: boolean;
  text: string;
  // oxlint-disable-next-line typescript/no-explicit-any -- JSON of any tool
  json: any;
}

export interface Agent {
  client: Client;
  names(): Promise<string[]>;
  call(name: string, given?: Record<string, unknown>): Promise<Said>;
}

/** @param options.era `auto` speaks the revision of 2026, `legacy` the one before, by `initialize` */
export async function agent(options: {
  url: string;
  era?: Era;
  headers?: Record<string, string>;
  fetch?: FetchLike;
}): Promise<Agent> {
  const { url, era = "auto", headers = {}, fetch } = options;
  const client = new Client({ name: "test", version: "1.0.0" }, { versionNegotiation: { mode: era } });
  await client.connect(new StreamableHTTPClientTransport(new URL(url), { requestInit: { headers }, fetch }));
  return {
    client,
    names: async () => (await client.listTools()).tools.map(({ name }) => name),
    call: async (name, given = {}) => {
      const { content, isError = false } = await client.callTool({ name, arguments: given });
      const text = content.map((part) => (part.type === "text" ? part.text : "")).join("");
      return { isError, text, json: isError ? undefined : JSON.parse(text) };
    },
  };
}
