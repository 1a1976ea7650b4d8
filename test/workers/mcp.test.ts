/** `/mcp` and `/openapi.json` in workerd: what the Worker's variables say of agents. */
import { env } from "cloudflare:workers";
import { afterEach, describe, expect, it, vi } from "vitest";
import { json, request } from "./helpers/front-door.ts";

vi.setConfig({ testTimeout: 60_000 }); // the first request loads what an agent needs, file by file

const VARIABLES = ["INNGEST_DEV", "INNGEST_SIGNING_KEY", "INNGEST_READ_KEY", "INNGEST_MCP_WRITE"];
const before = new Map(VARIABLES.map((name) => [name, String(Reflect.get(env, name) ?? "")]));
afterEach(() => {
  for (const [name, value] of before) Reflect.set(env, name, value);
});

const KEY = "signkey-test-12345678";
const ACTING = ["cancel_run", "invoke_function", "rerun_run", "send_event"];

/** Names of the tools that an agent is shown, or the status of who gets none. */
async function tools(variables: Record<string, string>, key = ""): Promise<string[] | number> {
  for (const [name, value] of Object.entries(variables)) Reflect.set(env, name, value);
  const response = await answer({ jsonrpc: "2.0", id: 1, method: "tools/list" }, key);
  if (response.status !== 200) return response.status;
  return response.result.tools.map(({ name }: { name: string }) => name);
}

// oxlint-disable-next-line typescript/no-explicit-any -- JSON of any method
async function answer(message: object, key = ""): Promise<{ status: number; result?: any }> {
  const response = await request("/mcp", {
    method: "POST",
    headers: {
      "content-type": "application/json",
      accept: "application/json, text/event-stream",
      ...(key !== "" && { authorization: `Bearer ${key}` }),
    },
    body: JSON.stringify(message),
  });
  const text = await response.text();
  if (response.status !== 200) return { status: response.status };
  const data = text.startsWith("{") ? text : (/^data: (.*)$/m.exec(text)?.[1] ?? "{}");
  return { status: 200, result: JSON.parse(data).result };
}

describe("agents", () => {
  const deployed = { INNGEST_DEV: "0", INNGEST_SIGNING_KEY: KEY, INNGEST_READ_KEY: "look" };

  it.each<[string, Record<string, string>, string, boolean]>([
    ["in dev mode act", {}, "", true],
    ["in dev mode, switched off, look", { INNGEST_MCP_WRITE: "0" }, "", false],
    ["of a deployed platform look", deployed, KEY, false],
    ["of a deployed platform, allowed to, act", { ...deployed, INNGEST_MCP_WRITE: "1" }, KEY, true],
    ["with a key that may look only look", { ...deployed, INNGEST_MCP_WRITE: "1" }, "look", false],
  ])("%s", async (_what, variables, key, mayAct) => {
    const names = await tools(variables, key);
    expect(names).toContain("get_run");
    expect((names as string[]).filter((name) => ACTING.includes(name)).toSorted()).toEqual(mayAct ? ACTING : []);
  });

  it("without a key get nothing", async () => {
    expect(await tools(deployed)).toBe(401);
    expect(await tools(deployed, "signkey-test-other")).toBe(401);
  });

  it("invoke a function of this Worker and wait for what it returns", async () => {
    const { result } = await answer({
      jsonrpc: "2.0",
      id: 2,
      method: "tools/call",
      params: { name: "invoke_function", arguments: { function: "local-no-steps", data: { n: 6 }, wait_seconds: 20 } },
    });
    expect(JSON.parse(result.content[0].text)).toMatchObject({ ended: true, status: "Completed", output: { got: 6 } });
  });
});

it("the document of the API is there for everybody", async () => {
  Reflect.set(env, "INNGEST_DEV", "0");
  const { status, body } = await json("/openapi.json");
  expect([status, body.openapi]).toEqual([200, "3.1.1"]);
  expect(Object.keys(body.paths).length).toBeGreaterThan(50);
});
