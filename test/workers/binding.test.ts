/** An app behind a service binding, at the seams that its users do not see. */
import { runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { beforeAll, expect, it } from "vitest";
import type { RunObjectApi } from "../../src/durable-objects/objects.ts";
import type { BoundCall, BoundEntrypoint, JournalLine, News } from "../../src/protocol/binding.ts";
import { counted } from "../fixtures/hooks.ts";
import { json, outputOf, request, send, until } from "./helpers/front-door.ts";

beforeAll(async () => void (await request("/health"))); // registers the app

const app = Reflect.get(env, "BOUND") as BoundEntrypoint;
const objects = Reflect.get(env, "StepDO") as DurableObjectNamespace;

function callOf(functionId: string, key: string): BoundCall {
  return {
    functionId,
    runId: "run",
    events: [{ id: "e", name: "binding/sequence", data: { key }, user: {}, ts: 0 }],
    attempt: 0,
    maxAttempts: 1,
    hasSteps: false,
    cautious: false,
    room: Number.POSITIVE_INFINITY,
    page: { memos: [], next: null },
    open: [],
  };
}

it("[G2] a step is answered once it is on disk: when its object dies first, the code does not go on", async () => {
  const key = crypto.randomUUID();
  const told: string[] = [];
  const stub = objects.getByName(`binding-gate-${key}`);
  const dying = runInDurableObject(stub, async (_instance, state) => {
    const { sql } = state.storage;
    sql.exec("CREATE TABLE told (step TEXT)");
    const tell = async (lines: JournalLine[]): Promise<News> => {
      const steps = lines.flatMap((line) => (line.kind === "op" ? [line.op] : []));
      for (const op of steps) sql.exec("INSERT INTO told VALUES (?)", op.displayName);
      told.push(...steps.map((op) => String(op.displayName)));
      if (told.includes("b")) state.abort("died before its commit");
      const settled = steps.map(({ id }, index) => ({ id, position: told.length + index }));
      return { number: told.length, settled, retries: [], room: Number.POSITIVE_INFINITY, isOver: false };
    };
    const call = callOf("binding-sequence", key);
    await app.execute(call, { tell, page: async () => ({ memos: [], next: null }), send: async () => ({ ids: [] }) });
  });
  await expect(dying).rejects.toThrow();
  await until(async () => counted(`${key}.b`) === 1, "step b to run");
  await scheduler.wait(50);
  expect([told, counted(`${key}.c`)]).toEqual([["a", "b"], 0]);
  const kept = await runInDurableObject(objects.getByName(`binding-gate-${key}`), (_instance, state) =>
    state.storage.sql.exec("SELECT step FROM told").toArray(),
  );
  expect(kept).toEqual([{ step: "a" }]);
});

it("a deploy that has taken a function away: its runs say so, and what brings them back", async () => {
  const outcome = await app.execute(callOf("binding-gone", ""), {
    tell: () => Promise.reject(new Error("nothing is to be told")),
    page: async () => ({ memos: [], next: null }),
    send: async () => ({ ids: [] }),
  });
  expect(outcome).toEqual({ kind: "missing" });
});

it("the app is shown with its binding, and sends events from inside of its runs by it", async () => {
  const { body } = await json("/v1/apps");
  expect(body.data).toContainEqual(expect.objectContaining({ id: "binding", url: "binding:BOUND", error: null }));
  const id = await send({ name: "binding/no-steps", data: { n: 3 } });
  expect(await outputOf(id)).toEqual({ got: 3 });
  const [run] = (await json(`/v1/events/${id}/runs`)).body.data as { run_id: string }[];
  const object = objects.getByName(`main/${run?.run_id}`) as unknown as RunObjectApi;
  expect((await object.summary())?.run).toMatchObject({ binding: "BOUND", state: { kind: "completed" } });
});
