import { afterEach, expect, test } from "vitest";
import { callBodySchema } from "../../src/protocol/call.ts";
import { Inngest } from "../../src/sdk/client.ts";
import { withRunState } from "../../src/serve/run-state.ts";
import { apiServer, type ApiServer } from "./helpers/api-server.ts";
import { KEY } from "./helpers/app.ts";

let server: ApiServer | undefined;
afterEach(() => server?.close());

const call = (useApi: boolean) =>
  callBodySchema.parse({ ctx: { run_id: "01JX/..", use_api: useApi }, event: { name: "a" }, events: [], steps: {} });

test("[§3.1] events and steps too large to send are fetched, with the key", async () => {
  server = await apiServer(({ path }) => [
    200,
    path?.endsWith("/batch") ? [{ name: "a" }, { name: "b" }] : { A: { data: 1 }, B: null },
  ]);
  const client = new Inngest({ id: "shop", signingKey: KEY, baseUrl: server.url });
  expect(await withRunState(client, call(true))).toMatchObject({
    event: { name: "a" },
    events: [{ name: "a" }, { name: "b" }],
    steps: { A: { data: 1 }, B: null },
  });
  expect(server.seen.map(({ path }) => path).toSorted((a = "", b = "") => a.localeCompare(b))).toEqual([
    "/v0/runs/01JX%2F../actions",
    "/v0/runs/01JX%2F../batch",
  ]);
  for (const { headers } of server.seen) expect(headers.authorization).toMatch(/^Bearer signkey-test-b2ed/);
});

test("a call that has them is used as it is", async () => {
  const body = call(false);
  expect(await withRunState(new Inngest({ id: "shop" }), body)).toBe(body);
});

test.each<[number, unknown, string]>([
  [410, { error: "run ended" }, "the run's state cannot be fetched: v0/runs/01JX%2F../"],
  [200, "not json", "JSON"],
  [200, 5, "expected"],
])(
  "state that cannot be had is an error, so the call is repeated and no step runs twice: %d %j",
  async (status, body, message) => {
    server = await apiServer(() => [status, body]);
    const client = new Inngest({ id: "shop", isDev: true, baseUrl: server.url });
    await expect(withRunState(client, call(true))).rejects.toThrow(message);
  },
);
