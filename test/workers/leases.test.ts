/** Keys that let runs in, through the real classes: what they keep survives their objects, and they talk with runs. */
import { abortAllDurableObjects, runDurableObjectAlarm, runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { describe, expect, it } from "vitest";
import type { KeyObjectApi } from "../../src/durable-objects/key-object.ts";
import type { AdmitRequest } from "../../src/durable-objects/objects.ts";
import type { GatePolicy } from "../../src/engine/lease.ts";
import { derivedUlid } from "../../src/protocol/ids.ts";
import { until } from "./helpers/front-door.ts";

const namespace: DurableObjectNamespace = Reflect.get(env, "ConcurrencyDO");
const stub = (object: string) => namespace.getByName(`main/${object}`);
const key = (object: string) => stub(object) as unknown as KeyObjectApi;
const fresh = (rule: string) => `${rule}/shop-ship/${crypto.randomUUID()}`;
const alarmOf = (object: string) => runInDurableObject(stub(object), (_, { storage }) => storage.getAlarm());

/** A request of a run that was never started: asked, its object has no use for any lease. */
function request(policy: GatePolicy, age: number): AdmitRequest {
  const runId = derivedUlid(Date.now() + age, crypto.randomUUID());
  return {
    leaseId: `${runId}.1`,
    env: "main",
    runId,
    functionId: "shop-ship",
    functionVersion: 1,
    policy,
    rank: age,
    key: "user-1",
  };
}

describe("a key in workerd", () => {
  const upTo = (limit: number): GatePolicy => ({ rule: "concurrency", limit, order: "age" });

  it("keeps holders and line when its object is gone, and gives the same answers again", async () => {
    const object = fresh("concurrency");
    const [a, b, c] = [request(upTo(2), 1), request(upTo(2), 2), request(upTo(2), 3)];
    const ask = () => Promise.all([a, b, c].map(async (one) => (await key(object).admit(one)).kind));
    expect(await ask()).toEqual(["admitted", "admitted", "waiting"]);
    await abortAllDurableObjects();
    expect(await ask()).toEqual(["admitted", "admitted", "waiting"]);
    const line = await key(object).line();
    expect(line).toMatchObject({ policy: upTo(2), held: 2, waiting: 1, nextAt: null });
    expect(line?.holders.map(({ leaseId }) => leaseId).sort()).toEqual([a.leaseId, b.leaseId].sort());
    expect(await key(object).place(c.leaseId)).toMatchObject({ place: 1, earliestAt: null });
    expect(await key(object).place(a.leaseId)).toBeNull();
  });

  it("tells the run that it lets in, and goes on to the next when that has no use for it", async () => {
    const object = fresh("concurrency");
    const requests = Array.from({ length: 5 }, (_, age) => request(upTo(1), age));
    for (const one of requests) await key(object).admit(one);
    expect(await key(object).line()).toMatchObject({ held: 1, waiting: 4 });
    await key(object).release(requests[0]!.leaseId);
    await until(async () => (await key(object).line())?.held === 0, "all have declined");
    expect(await key(object).line()).toMatchObject({ held: 0, waiting: 0 });
    expect(await alarmOf(object)).not.toBeNull(); // it goes when it is not used
  });

  it("[G7] takes a lease back whose run does not know of it, when somebody waits", async () => {
    const object = fresh("concurrency");
    const [lost, next] = [request(upTo(1), 1), request(upTo(1), 2)];
    await key(object).admit(lost);
    expect(await alarmOf(object)).toBeNull();
    await runInDurableObject(stub(object), (_, { storage }) => {
      storage.sql.exec("UPDATE item SET rank = 0 WHERE list = 'held'"); // as if it had been held for long
    });
    await key(object).admit(next);
    expect(await alarmOf(object)).not.toBeNull();
    expect(await runDurableObjectAlarm(stub(object))).toBe(true);
    await until(async () => (await key(object).line())?.waiting === 0, "the next is let in");
  });

  it("throttles over the death of its object, and says when", async () => {
    const object = fresh("throttle");
    const policy: GatePolicy = { rule: "throttle", limit: 1, periodMs: 3_600_000, burst: 1 };
    const requests = Array.from({ length: 3 }, (_, age) => request(policy, age));
    const kinds: string[] = [];
    for (const one of requests) {
      kinds.push((await key(object).admit(one)).kind);
      await abortAllDurableObjects();
    }
    expect(kinds).toEqual(["admitted", "admitted", "waiting"]);
    const { nextAt } = (await key(object).line()) ?? {};
    expect(nextAt).toBeGreaterThan(Date.now() + 3_500_000);
    expect(await alarmOf(object)).toBeLessThanOrEqual(nextAt ?? 0);
  });

  it("of a singleton refuses; of a pause waits until it is opened", async () => {
    const [single, paused] = [fresh("singleton"), fresh("pause")];
    const skip: GatePolicy = { rule: "singleton", mode: "skip" };
    const [a, b] = [request(skip, 1), request(skip, 2)];
    expect(await key(single).admit(a)).toEqual({ kind: "admitted" });
    expect(await key(single).admit(b)).toEqual({
      kind: "refused",
      refusal: { rule: "singleton", as: "skipped", byRunId: a.runId },
    });
    const hold = request({ rule: "pause", at: 100 }, 1);
    expect(await key(paused).admit(hold)).toEqual({ kind: "waiting" });
    await key(paused).open(100);
    await abortAllDurableObjects();
    expect(await key(paused).admit(hold)).toEqual({ kind: "admitted" });
  });

  it("has created nothing when it was only looked at, and answers to the methods of its own rule alone", async () => {
    const object = fresh("concurrency");
    expect([await key(object).line(), await key(object).place("x.1")]).toEqual([null, null]);
    const tables = await runInDurableObject(stub(object), (_, { storage }) =>
      storage.sql.exec("SELECT name FROM sqlite_master WHERE name = 'item'").toArray(),
    );
    expect(tables).toEqual([]);
    await expect(async () => {
      await key(fresh("rate-limit")).line();
    }).rejects.toThrow(/has no `line`/);
  });
});

describe("the lines of a function in workerd", () => {
  it("are listed until they are closed", async () => {
    const object = `lines/${crypto.randomUUID()}`;
    const line = { env: "main", object: "concurrency/run/0-fn/shop-ship/k", key: "user-1" };
    await key(object).opened(line);
    await key(object).opened(line);
    await key(object).opened({ ...line, object: "throttle/shop-ship/k", key: null });
    await abortAllDurableObjects();
    expect(await key(object).list()).toEqual([line, { ...line, object: "throttle/shop-ship/k", key: null }]);
    await key(object).closed(line.object);
    await key(object).closed("throttle/shop-ship/k");
    expect(await key(object).list()).toEqual([]);
    await runDurableObjectAlarm(stub(object));
    const left = await runInDurableObject(stub(object), (_, { storage }) =>
      storage.sql.exec("SELECT name FROM sqlite_master WHERE name = 'item'").toArray(),
    );
    expect(left).toEqual([]);
  });
});
