/** `inngest mcp` between the official client and a platform. */
import { Client } from "@modelcontextprotocol/client";
import { StdioClientTransport } from "@modelcontextprotocol/client/stdio";
import { join } from "node:path";
import { afterAll, beforeAll, expect, onTestFinished, test } from "vitest";
import { CliStage } from "../helpers/cli-stage.ts";
import { freePort } from "../helpers/platform-process.ts";

let stage: CliStage;
beforeAll(async () => {
  stage = await CliStage.open();
});
afterAll(async () => stage?.close());

const command = join(import.meta.dirname, "../../src/cli/main.ts");

test.each(["legacy", "auto"] as const)(
  "an agent that starts the command lists tools and calls them (%s revision)",
  async (mode) => {
    const client = new Client({ name: "test", version: "1.0.0" }, { versionNegotiation: { mode } });
    const args = [command, "mcp", "--url", stage.platform.url];
    await client.connect(new StdioClientTransport({ command: process.execPath, args, stderr: "ignore" }));
    onTestFinished(() => client.close());
    const { tools } = await client.listTools();
    expect(tools.map(({ name }) => name)).toEqual(expect.arrayContaining(["list_functions", "get_run"]));
    const answers = await Promise.all([
      client.callTool({ name: "list_functions", arguments: {} }),
      client.callTool({ name: "list_apps", arguments: {} }),
    ]);
    expect(JSON.stringify(answers[0].content)).toContain("shop-greet");
    expect(JSON.stringify(answers[1].content)).toContain("shop");
  },
);

const ask = { jsonrpc: "2.0", id: 7, method: "tools/list" };

test("a platform that is away is an error of the protocol, not the end of the bridge", async () => {
  const url = `http://127.0.0.1:${await freePort()}`;
  const { code, stdout } = await stage.inngest("mcp", { url, input: `${JSON.stringify(ask)}\nno json\n` });
  expect(code).toBe(0);
  const said = stdout
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line) as { id: unknown });
  expect(said.find(({ id }) => id === 7)).toMatchObject({
    error: { code: -32603, message: expect.stringContaining(`No platform answers at ${url}`) },
  });
  expect(said.find(({ id }) => id === null)).toMatchObject({ error: { code: -32700 } });
});

test("--print says what to put into an agent's configuration, without the key", async () => {
  const { stdout } = await stage.inngest("mcp --print --key signkey-test-aa");
  expect(stdout).toContain(`claude mcp add --transport http inngest ${stage.platform.url}/mcp`);
  expect(stdout).toContain('"INNGEST_SIGNING_KEY": "<signing key>"');
  expect(stdout).not.toContain("signkey-test-aa");
});
