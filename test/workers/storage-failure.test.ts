/** A Durable Object's own SQLite that refuses a write: the rules of test/durable-objects/commit-failure.test.ts hold on it too. */
import { runDurableObjectAlarm, runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { beforeAll, describe, expect, it } from "vitest";
import { localApp } from "./helpers/fixture-app.ts";
import { ended, json, outputOf, readRun, runWhen, send, started, until } from "./helpers/front-door.ts";

const object = (runId: string) => (Reflect.get(env, "StepDO") as DurableObjectNamespace).getByName(`main/${runId}`);
const exec = (runId: string, statement: string) =>
  runInDurableObject(object(runId), (_, { storage }) => void storage.sql.exec(statement));
const alarmOf = (runId: string) => runInDurableObject(object(runId), (_, { storage }) => storage.getAlarm());

/** From now on every write to this run's table fails, as on a disk that is full. */
const fill = async (runId: string) => {
  for (const event of ["INSERT", "UPDATE"])
    await exec(
      runId,
      `CREATE TRIGGER full_${event} BEFORE ${event} ON record BEGIN SELECT RAISE(ABORT, 'no room on this disk'); END`,
    );
};
const empty = async (runId: string) => {
  for (const event of ["INSERT", "UPDATE"]) await exec(runId, `DROP TRIGGER full_${event}`);
};

beforeAll(async () => {
  await send({ name: "local/no-steps", data: { n: 1 } }).then((id) => outputOf(id)); // registry and logs exist
});

describe("[G2, G3] a disk that takes no write for a while", () => {
  it("costs the step whose result it refused one more run, and nothing before it", async () => {
    const key = crypto.randomUUID();
    const id = await send({ name: "local/gated", data: { key } });
    await until(async () => (await localApp.counted(`${key}.hold`)) === 1, "the step to run");
    const { run_id } = await started(id);
    await fill(run_id);
    await localApp.open(`${key}.hold`); // its result is refused
    await runDurableObjectAlarm(object(run_id)); // waits for the code, and finds it lost, which cannot be stored either
    expect((await readRun(run_id)).steps.map((step) => step.id)).toEqual(["enter"]);
    expect(await localApp.counted(`${key}.hold`)).toBe(1);
    expect(await alarmOf(run_id)).not.toBeNull(); // it comes back
    await empty(run_id);
    await runDurableObjectAlarm(object(run_id));
    expect(await outputOf(id)).toBe("held");
    expect(await localApp.counted(`${key}.entered`)).toBe(1);
    expect(await localApp.counted(`${key}.hold`)).toBe(2);
  });

  it("refuses a cancel, an advance and a wake, each with 500, and each has changed nothing", async () => {
    const id = await send({ name: "local/sleep", data: { key: crypto.randomUUID(), ms: 86_400_000 } });
    const isAsleep = (run: { waiting_for: { kind: string }[] }) => run.waiting_for[0]?.kind === "sleeping";
    const before = await runWhen(id, isAsleep, "to sleep");
    const alarm = await alarmOf(before.run_id);
    await fill(before.run_id);
    const path = `/v1/runs/${before.run_id}`;
    expect((await json(`${path}/wake`, { method: "POST" })).status).toBe(500);
    expect((await json(`${path}/clock`, { method: "POST", body: '{"advance":"1d"}' })).status).toBe(500);
    expect((await json(path, { method: "DELETE" })).status).toBe(500);
    expect(await readRun(before.run_id)).toEqual(before);
    expect(await alarmOf(before.run_id)).toBe(alarm);
    await empty(before.run_id);
    expect((await json(`${path}/wake`, { method: "POST" })).status).toBe(200);
    expect(await ended(id)).toMatchObject({ status: "Completed" });
  });
});
