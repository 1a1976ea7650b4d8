import type { McpServer } from "@modelcontextprotocol/server";
import { HTTPException } from "hono/http-exception";
import type * as z from "zod";
import type { Objects } from "../../durable-objects/objects.ts";
import { boundedJson } from "./bounded.ts";

/** What a call of a tool has to do with. */
export interface Call {
  objects: Objects;
  env: string;
  /** resolves after so many milliseconds */
  pause: (ms: number) => Promise<void>;
  /** before something is done: who it is may do it, and it goes into the audit trail. @throws HTTPException 403 */
  act: (what: string) => Promise<void>;
}

export interface Tool<Input extends z.ZodObject> {
  name: string;
  /** for the agent: what it is good for, and what to call next */
  says: string;
  input: Input;
  /** whether it changes something; `destroys`: what it changes cannot be changed back */
  acts?: "adds" | "destroys";
  run: (input: z.infer<Input>, call: Call) => Promise<object>;
}

/** A tool that can be given to a server. */
export interface KnownTool {
  name: string;
  isAct: boolean;
  register: (server: McpServer, call: Call) => void;
}

export function tool<Input extends z.ZodObject>({ name, says, input, acts, run }: Tool<Input>): KnownTool {
  return {
    name,
    isAct: acts !== undefined,
    register: (server, call) => {
      const annotations = {
        readOnlyHint: acts === undefined,
        destructiveHint: acts === "destroys",
        openWorldHint: false,
      };
      const config: { description: string; inputSchema: z.ZodObject; annotations: typeof annotations } = {
        description: says,
        inputSchema: input,
        annotations,
      };
      server.registerTool(name, config, (given) => answered(name, () => run(given as z.infer<Input>, call)));
    },
  };
}

/** Errors are for the agent to read, as those of the API are for people; what is the platform's fault is in its log alone. */
async function answered(name: string, run: () => Promise<object>) {
  try {
    return { content: [{ type: "text" as const, text: boundedJson(await run()) }] };
  } catch (error) {
    if (!(error instanceof HTTPException)) console.error(`MCP tool ${name} failed`, error);
    const text =
      error instanceof HTTPException ? error.message : "the platform failed to answer; the reason is in its log";
    return { isError: true, content: [{ type: "text" as const, text }] };
  }
}
