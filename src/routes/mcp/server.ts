/** The platform as a server of the Model Context Protocol, without sessions: every request has a server of its own. */
import { createMcpHandler, McpServer } from "@modelcontextprotocol/server";
import { version } from "../../sdk/version.ts";
import { actingTools } from "./acting-tools.ts";
import { eventTools } from "./event-tools.ts";
import { functionTools } from "./function-tools.ts";
import { runTools } from "./run-tools.ts";
import type { Call } from "./tool.ts";

/** Of a request's body; an event may have no more. */
const BODY_MAX_BYTES = 4 * 1024 * 1024;

const INSTRUCTIONS = `Durable workflows: events start functions, each execution of a function is a run, a run is made of steps.
To find out what went wrong: list_runs with status Failed, then get_run. To find out why something does not go on:
why_is_run_waiting. Ids of runs and events are ULIDs; functions go by their slug, <app>-<function>.`;

const READ_ONLY = `
Nothing can be changed here: the tools that send, invoke, cancel and rerun are switched off (INNGEST_MCP_WRITE).`;

/** @param mayAct whether the tools that change something are there */
export function answerMcp(request: Request, call: Call, mayAct: boolean): Promise<Response> {
  const tools = [...functionTools, ...runTools, ...eventTools, ...actingTools].filter(({ isAct }) => mayAct || !isAct);
  const handler = createMcpHandler(
    () => {
      const server = new McpServer(
        { name: "@dotdo/inngest", version },
        { instructions: mayAct ? INSTRUCTIONS : INSTRUCTIONS + READ_ONLY },
      );
      for (const one of tools) one.register(server, call);
      return server;
    },
    { maxRequestBodySize: BODY_MAX_BYTES, maxSubscriptions: 0 },
  );
  return handler.fetch(request);
}
