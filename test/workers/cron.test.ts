/** Schedules in workerd: of functions in this Worker, and of apps that register themselves. */
import { runDurableObjectAlarm, runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { beforeAll, describe, expect, it } from "vitest";
import { latestTick, nextTick, parseCron, rfc3339 } from "../../src/engine/cron.ts";
import { Inngest } from "../../src/sdk/index.ts";
import { createWorker } from "../../src/worker.ts";
import { APP_URL } from "../helpers/app-urls.ts";
import { registerHttpApp } from "./helpers/fixture-app.ts";
import { ended, json, post, runsOf, until, worker } from "./helpers/front-door.ts";

const CRON = "TZ=Europe/Paris 0 0 1 1 *";
const SCHEDULE = parseCron(CRON);
const OLD_TICK = Date.UTC(2019, 11, 31, 23);
const latest = latestTick(SCHEDULE, OLD_TICK, Date.now());
const next = nextTick(SCHEDULE, Date.now());

/** The registry itself, behind the front door. The binding is the test's own (vitest.config.ts). */
function registry(): DurableObjectStub {
  const namespace: DurableObjectNamespace = Reflect.get(env, "RegistryDO");
  return namespace.getByName("main/registry");
}

const alarm = () => runInDurableObject(registry(), (_, state) => state.storage.getAlarm());

async function tickEvents(cron: string): Promise<any[]> {
  const { body } = await json("/v1/events?name=inngest/scheduled.timer&limit=100");
  return body.data.filter((event: any) => event.data.cron === cron);
}

describe("[issue: cron] a freshly deployed Worker that got no request", () => {
  beforeAll(async () => {
    await worker.scheduled({ cron: "* * * * *" }); // all that happens to it
  });

  it("has the alarm of its next tick", async () => {
    expect(await alarm()).toBe(next);
  });

  it("gets it back within a minute when the platform has lost it", async () => {
    const before = await alarm();
    await runInDurableObject(registry(), (_, state) => state.storage.deleteAlarm());
    await worker.scheduled({ cron: "* * * * *" });
    expect(await alarm()).toBe(before);
  });

  it("starts its functions, those behind a binding and those of an app, once for the ticks of years", async () => {
    expect(await registerHttpApp()).toMatchObject({ status: 200 });
    await runInDurableObject(registry(), (_, state) => {
      state.storage.sql.exec("UPDATE schedule SET next_at_ms = ?", OLD_TICK);
    });
    expect(await runDurableObjectAlarm(registry())).toBe(true);
    const events = await until(async () => {
      const found = await tickEvents(CRON);
      return found.length === 3 && found;
    }, "a tick of each function");
    const runs = await Promise.all(events.map((event) => ended(event.internal_id)));
    expect(runs.map((run) => run.function_slug).sort()).toEqual([
      "binding-new-year",
      "http-new-year",
      "local-new-year",
    ]);
    for (const run of runs) {
      const { id, name, data } = run.output;
      expect(run).toMatchObject({ status: "Completed", event_name: "inngest/scheduled.timer" });
      expect({ id, name, data }).toEqual({
        id: rfc3339(latest.at),
        name: "inngest/scheduled.timer",
        data: {
          cron: CRON,
          scheduledAt: rfc3339(latest.at),
          fireAt: expect.stringMatching(/^20\d\d-12-31T23:00:00/),
          missed: latest.missed,
        },
      });
    }
    expect(await alarm()).toBe(next);
  });

  it("shows its schedules, and when each comes next", async () => {
    const { body } = await json("/dev");
    const [fn] = body.functions.filter(({ slug }: any) => slug === "local-new-year");
    const [shown] = fn.crons;
    expect(fn.crons).toEqual([{ cron: CRON, jitter: "1s", nextFireAt: expect.any(String) }]);
    const later = Date.parse(shown.nextFireAt) - (next ?? 0);
    expect(later).toBeGreaterThanOrEqual(0);
    expect(later).toBeLessThan(1_000);
  });
});

describe("a schedule of seconds", () => {
  const beat = (triggers: object[]) =>
    post("/fn/register", {
      url: APP_URL,
      appname: "pulse",
      sdk: "js:v0",
      framework: "test",
      functions: [{ id: "pulse-beat", triggers, steps: { step: { runtime: { url: APP_URL } } } }],
    });

  it("ticks by the object's own alarm, each second once, until it is deployed away", async () => {
    expect(await beat([{ cron: "every 1s" }])).toMatchObject({ status: 200 });
    const events = await until(async () => {
      const found = await tickEvents("every 1s");
      return found.length >= 3 && found;
    }, "three ticks");
    expect(await beat([])).toMatchObject({ status: 200, body: { modified: true } });
    const ids = events.map((event) => Date.parse(event.id));
    expect(ids.every((at) => at % 1_000 === 0)).toBe(true);
    expect(new Set(ids).size).toBe(ids.length);
    await until(async () => (await runsOf(events[0].internal_id))[0], "a run of the latest tick");
    const dev = await json("/dev");
    expect(dev.body.functions.find(({ slug }: any) => slug === "pulse-beat").crons).toEqual([]);
    expect(await alarm()).toBe(next);
  });
});

describe("[G9] a trigger whose `if` does not compile is refused with function and event", () => {
  const words =
    'function "bad-big": triggers: event "shop/order": if: Expression `event.data.total = 1` does not parse';
  const trigger = { event: "shop/order", if: "event.data.total = 1" };

  it("by createWorker, when the Worker starts", () => {
    const client = new Inngest({ id: "bad" });
    const functions = [client.createFunction({ id: "big" }, trigger, () => 1)];
    expect(() => createWorker({ client, functions })).toThrow(words);
  });

  it("as is one whose key does not", () => {
    const client = new Inngest({ id: "bad" });
    const big = client.createFunction({ id: "big", throttle: { limit: 1, period: "1s", key: "event." } }, () => 1);
    const why = 'function "bad-big": throttle.key: Expression `event.` does not parse';
    expect(() => createWorker({ client, functions: [big] })).toThrow(why);
  });

  it("by the registration of an app", async () => {
    const steps = { step: { runtime: { url: APP_URL } } };
    const triggers = [{ event: trigger.event, expression: trigger.if }];
    const functions = [{ id: "bad-big", triggers, steps }];
    const answer = await post("/fn/register", { url: APP_URL, appname: "bad", sdk: "", framework: "", functions });
    expect(answer).toMatchObject({ status: 400, body: { error: expect.stringContaining(words) } });
  });
});

describe("[G9] a schedule that cannot be kept is refused with function, trigger and value", () => {
  const words = 'function "bad-report": triggers: cron "0 25 * * *": hour: "25" is not allowed; allowed are 0–23';

  it("by createWorker, when the Worker starts", () => {
    const client = new Inngest({ id: "bad" });
    const report = client.createFunction({ id: "report", triggers: { cron: "0 25 * * *" } }, () => 1);
    expect(() => createWorker({ client, functions: [report] })).toThrow(words);
  });

  it("by the registration of an app", async () => {
    const steps = { step: { runtime: { url: APP_URL } } };
    const functions = [{ id: "bad-report", triggers: [{ cron: "0 25 * * *" }], steps }];
    const answer = await post("/fn/register", { url: APP_URL, appname: "bad", sdk: "", framework: "", functions });
    expect(answer).toMatchObject({ status: 400, body: { error: expect.stringContaining(words) } });
  });

  it.each([
    ["0 0 30 2 *", undefined, "never comes"],
    ["TZ=Mars/Base 0 9 * * *", undefined, 'TZ: "Mars/Base" is not a time zone'],
    ["0 9 * * *", "6m", 'jitter: "6m" is out of bounds; it is between 1s and 5m'],
  ])("%s, jitter %s", async (cron, jitter, why) => {
    const steps = { step: { runtime: { url: APP_URL } } };
    const functions = [{ id: "bad-report", triggers: [{ cron, jitter }], steps }];
    const answer = await post("/fn/register", { url: APP_URL, appname: "bad", sdk: "", framework: "", functions });
    expect(answer).toMatchObject({ status: 400, body: { error: expect.stringContaining(why) } });
  });
});
