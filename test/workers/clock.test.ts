/** A run's own clock and its sleeps, moved on through the API (design §7). */
import { abortAllDurableObjects } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { eventUlid } from "../../src/protocol/ids.ts";
import { hashedSigningKey } from "../../src/protocol/signing-key.ts";
import { carryMail, httpApp, localApp, registerHttpApp } from "./helpers/fixture-app.ts";
import { ended, json, outputOf, post, readRun, runWhen, send, until, type RunDetail } from "./helpers/front-door.ts";

const DAY = 86_400_000;

let mail: ReturnType<typeof carryMail>;
beforeAll(async () => {
  expect(await registerHttpApp()).toMatchObject({ status: 200 });
  mail = carryMail();
});
afterAll(() => mail.stop());

const advance = (runId: string, by: unknown) => post(`/v1/runs/${runId}/clock`, { advance: by });
const wake = (runId: string, body?: unknown) =>
  body === undefined ? json(`/v1/runs/${runId}/wake`, { method: "POST" }) : post(`/v1/runs/${runId}/wake`, body);
const waitsFor = (kind: string) => (run: RunDetail) => run.waiting_for.some((reason) => reason.kind === kind);

describe.each(["local", "http"] as const)("over %s:", (transport) => {
  const app = transport === "local" ? localApp : httpApp;

  /** Sends an event to a fixture function; the run once it waits for something of this kind. */
  async function waiting(name: string, kind: string, data: object = {}) {
    const key = crypto.randomUUID();
    const id = await send({ name: `${transport}/${name}`, data: { key, ...data } });
    const run = await runWhen(id, waitsFor(kind), `${name} to be ${kind}`);
    return { key, id, run };
  }

  it("a sleep of 30 days is over now, and another run's is not", async () => {
    const [one, other] = await Promise.all([
      waiting("sleep", "sleeping", { ms: 30 * DAY }),
      waiting("sleep", "sleeping", { ms: 30 * DAY }),
    ]);
    const { status, body } = await advance(one.run.run_id, "30d");
    expect(status).toBe(200);
    expect(body.data).toMatchObject({ run_id: one.run.run_id, clock_offset_ms: 30 * DAY });
    expect(await outputOf(one.id)).toBeLessThan(DAY); // the handler's clock is real
    expect(Date.parse((await ended(one.id)).ended_at ?? "")).toBeLessThanOrEqual(Date.now());
    const untouched = await readRun(other.run.run_id);
    expect(untouched.waiting_for).toEqual(other.run.waiting_for);
    expect(untouched.clock_offset_ms).toBe(0);
  });

  it("half a sleep leaves half, told as the instant at which it really ends, after a restart too", async () => {
    const { run } = await waiting("sleep", "sleeping", { ms: 30 * DAY });
    const [before] = run.waiting_for;
    await advance(run.run_id, 15 * DAY);
    await abortAllDurableObjects();
    const [after] = (await readRun(run.run_id)).waiting_for;
    expect(after).toMatchObject({ kind: "sleeping", step: "nap" });
    expect(Date.parse(before?.until ?? "") - Date.parse(after?.until ?? "")).toBe(15 * DAY);
  });

  it("a wait gives up when its timeout passes", async () => {
    const wait = { event: `${transport}/answer/${crypto.randomUUID()}`, timeout: "7d" };
    const { id, run } = await waiting("wait", "waiting", { wait });
    await advance(run.run_id, "6d");
    expect((await readRun(run.run_id)).ended_at).toBeNull();
    await advance(run.run_id, "1d");
    expect(await outputOf(id)).toBeNull();
  });

  it("an hour's backoff passes, each time", async () => {
    const { id, key, run } = await waiting("patient", "retrying");
    await advance(run.run_id, "1h");
    await until(async () => (await app.counted(`${key}.flaky`)) === 2, "the second attempt");
    await runWhen(id, waitsFor("retrying"), "to wait for the third attempt");
    await advance(run.run_id, 3_600_000);
    expect(await outputOf(id)).toBe(3);
  });

  it("an absolute date moves with the run's clock; the child that is invoked next runs now", async () => {
    const date = new Date(Date.now() + 20 * DAY).toISOString();
    const { id, run } = await waiting("far-off", "sleeping", { date });
    await advance(run.run_id, "30d");
    expect(await outputOf(id)).toBe(42);
  });

  it("wake ends every sleep, or one, which goes on as after its own end", async () => {
    const { id, key, run } = await waiting("two-sleeps", "sleeping");
    const one = await wake(run.run_id, { step: "one" });
    expect(one.status).toBe(200);
    expect(one.body.data.steps.find((step: { id: string }) => step.id === "one")).toMatchObject({
      status: "completed",
      output: null,
    });
    if (transport === "local") await until(async () => (await app.counted(`${key}.between`)) === 1, "the code between");
    const unknown = await wake(run.run_id, { step: "one" });
    expect(unknown).toMatchObject({ status: 404, body: { error: expect.stringContaining('those that do: "two"') } });
    expect((await wake(run.run_id)).status).toBe(200);
    expect(await outputOf(id)).toBe("awake");
    expect(await app.counted(`${key}.between`)).toBe(1);
  });

  it("what does not sleep is not woken: 409 says what it waits for", async () => {
    const wait = { event: `${transport}/answer/${crypto.randomUUID()}`, timeout: "7d" };
    const { run } = await waiting("wait", "waiting", { wait });
    for (const body of [undefined, { step: "answer" }]) {
      const { status, body: answer } = await wake(run.run_id, body);
      expect(status).toBe(409);
      expect(answer.error).toContain(
        `run ${run.run_id} does not sleep; it is waiting "answer" until ${run.waiting_for[0]?.until}`,
      );
    }
  });
});

describe("[G9] what cannot be done", () => {
  it("a run that has ended is 409, an unknown one 404, no id 400", async () => {
    const id = await send({ name: "local/no-steps", data: { n: 1 } });
    const { run_id } = await ended(id);
    const unknown = eventUlid({ timeMs: Date.now(), entropy: crypto.getRandomValues(new Uint8Array(10)) }, 1);
    for (const call of [(of: string) => advance(of, "1d"), (of: string) => wake(of)]) {
      expect(await call(run_id)).toMatchObject({
        status: 409,
        body: { error: `run ${run_id} has already ended`, data: null },
      });
      expect(await call(unknown)).toMatchObject({ status: 404, body: { error: `run ${unknown} not found` } });
      expect((await call("x")).status).toBe(400);
    }
  });

  it.each([
    ["{", "must be JSON"],
    ["{}", "advance: "],
    ["[]", "advance: "],
    ["null", "advance: "],
    ['{"advance":true}', "advance: a duration such as"],
    ['{"advance":1e999}', "advance: "],
    ['{"advance":"soon"}', 'advance: cannot read "soon"'],
    ['{"advance":"-1d"}', 'advance: cannot read "-1d"'],
    ['{"advance":0}', "advance: 0 is not over 0 and at most 366 days"],
    ['{"advance":-1}', "advance: -1 is not over 0"],
    ['{"advance":"0s"}', 'advance: "0s" is not over 0'],
    ['{"advance":"367d"}', 'advance: "367d" is not over 0 and at most 366 days'],
  ])("a clock's body %s is 400: %s", async (body, message) => {
    const id = await send({ name: "local/sleep", data: { key: "x", ms: DAY } });
    const { run_id } = await runWhen(id, waitsFor("sleeping"), "to sleep");
    const answer = await json(`/v1/runs/${run_id}/clock`, { method: "POST", body });
    expect(answer).toMatchObject({ status: 400, body: { error: expect.stringContaining(message) } });
    expect((await readRun(run_id)).clock_offset_ms).toBe(0);
  });

  it.each([
    ["{", "must be JSON"],
    ["[1]", "step: "],
    ['{"step":1}', "step: the id of a step that sleeps, not 1"],
    ['{"step":""}', 'step: the id of a step that sleeps, not ""'],
  ])("a wake's body %s is 400: %s", async (body, message) => {
    const id = await send({ name: "local/sleep", data: { key: "x", ms: DAY } });
    const { run_id } = await runWhen(id, waitsFor("sleeping"), "to sleep");
    const answer = await json(`/v1/runs/${run_id}/wake`, { method: "POST", body });
    expect(answer).toMatchObject({ status: 400, body: { error: expect.stringContaining(message) } });
    expect((await readRun(run_id)).waiting_for).toMatchObject([{ kind: "sleeping" }]);
  });
});

describe("[G10] outside of dev mode", () => {
  const SIGNING_KEY = "signkey-test-0123456789abcdef";
  const names = ["INNGEST_DEV", "INNGEST_SIGNING_KEY"] as const;
  const before = names.map((name) => [name, String(Reflect.get(env, name) ?? "")] as const);
  afterEach(() => before.forEach(([name, value]) => Reflect.set(env, name, value)));

  it("wake asks for the signing key, and the clock stands for everybody", async () => {
    const id = await send({ name: "local/sleep", data: { key: crypto.randomUUID(), ms: DAY } });
    const { run_id } = await runWhen(id, waitsFor("sleeping"), "to sleep");
    Reflect.set(env, "INNGEST_DEV", "");
    Reflect.set(env, "INNGEST_SIGNING_KEY", SIGNING_KEY);
    const authorization = `Bearer ${await hashedSigningKey(SIGNING_KEY)}`;

    expect((await wake(run_id)).status).toBe(401);
    expect((await advance(run_id, "1d")).status).toBe(401);
    expect(await post(`/v1/runs/${run_id}/clock`, { advance: "1d" }, { authorization })).toMatchObject({
      status: 403,
      body: { error: expect.stringContaining("in dev mode only (INNGEST_DEV=1); POST /v1/runs/:id/wake") },
    });
    expect(await post(`/v1/runs/${run_id}/wake`, {}, { authorization })).toMatchObject({
      status: 200,
      body: { data: { run_id, clock_offset_ms: 0 } },
    });
    const done = () => json(`/v1/runs/${run_id}`, { headers: { authorization } });
    await until(async () => (await done()).body.data.ended_at, "the end of the run");
    expect((await done()).body.data.status).toBe("Completed");
  });
});
