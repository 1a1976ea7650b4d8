/**
 * Replies that no SDK meant: those of real ones, mutated, read and applied. Whatever an app answers, nothing throws, every
 * run says what it waits for and ends once its app behaves, and a step has only a result that some reply said of it.
 */
import { afterEach, describe, expect, test, vi } from "vitest";
import type { Call } from "../../src/engine/run-machine.ts";
import { entryDueAt, isEnded, type Entry } from "../../src/engine/run.ts";
import type { Memo } from "../../src/protocol/call.ts";
import type { JsonValue } from "../../src/protocol/json.ts";
import { Random } from "../../src/testing/random.ts";
import { readReply } from "../../src/transports/http-reply.ts";
import type { PostResult } from "../../src/transports/post.ts";
import { AppsWorld } from "../helpers/apps-world.ts";
import { FIXED, NOW, RunUnderTest } from "../helpers/run-builder.ts";

vi.setConfig({ testTimeout: 120_000 });

const REPLIES = 10_000;
/** Mutated replies that one run gets before its app behaves. */
const REPLIES_PER_RUN = 12;
const MOVES_MAX = 200;
const DAY = 86_400_000;

type Answer = Extract<PostResult, { kind: "answered" }>;

// ---- what SDKs answer ----------------------------------------------------------------------------------------------

const SDKS: [Record<string, string>, ...Record<string, string>[]] = [
  { "x-inngest-sdk": "inngest-js:v4.24.0", "x-inngest-req-version": "2" },
  { "x-inngest-sdk": "inngest-js:v3.54.2", "x-inngest-req-version": "1", "x-inngest-framework": "edge" },
  { "x-inngest-sdk": "inngest-py:v0.5.18", "x-inngest-req-version": "2", server: "uvicorn" },
  { "x-inngest-sdk": "go:v0.15.1", "x-inngest-req-version": "2" },
];

const ERROR = { name: "Error", message: "no", stack: "Error: no\n  at f", __serialized: true, data: null };
const userland = (id: string) => ({ userland: { id, index: 1 }, displayName: id, timing: { a: 1, b: 2 } });

/** Ops of real replies about a step. */
function opsAbout(id: string, random: Random): JsonValue[] {
  return [
    { op: "StepRun", id, data: { value: random.below(1000) }, ...userland(id) },
    { op: "StepRun", id, data: null, opts: { type: "step.sendEvent", input: [{ name: "e" }] } },
    { op: "Step", id, data: { data: random.below(1000) } },
    { op: "StepError", id, error: ERROR, ...userland(id) },
    { op: "StepFailed", id, error: ERROR, data: { __serialized: true } },
    { op: "StepPlanned", id, name: id, opts: { type: "step.run" } },
    { op: "StepPlanned", id, opts: { parallelMode: "race" } },
    { op: "Sleep", id, name: "1h", opts: null },
    { op: "Sleep", id, name: "2026-01-02T00:00:00.000Z" },
    { op: "Sleep", id, opts: { duration: "30s" } },
    { op: "WaitForEvent", id, name: "order/paid", opts: { timeout: "1d", if: "async.data.id == event.data.order" } },
    { op: "WaitForEvent", id, name: "label", opts: { event: "order/paid", timeout: "10m" } },
    { op: "InvokeFunction", id, opts: { function_id: "shop-bill", payload: { data: { n: 1 } }, timeout: "1h" } },
    { op: "WaitForSignal", id, name: "approved", opts: { signal: "approved", timeout: "1h", conflict: "fail" } },
    { op: "Gateway", id, opts: { url: "https://example.com/", method: "GET", headers: {}, body: "" } },
    { op: "DiscoveryRequest", id },
    { op: "None", id },
  ];
}

const STEPS = ["a", "b", "c", "d", "e", "f"];

function realAnswer(call: Call, random: Random): Answer {
  const headers: Record<string, string> = { "content-type": "application/json", ...random.pick(SDKS) };
  const answer = (status: number, body: JsonValue): Answer => {
    if (!random.chance(0.1)) return { kind: "answered", status, headers, body: JSON.stringify(body) };
    const inner = { status, body: random.chance(0.5) ? body : JSON.stringify(body), headers };
    return { kind: "answered", status: 201, headers, body: `   ${JSON.stringify(inner)}` };
  };
  if (call.stepId !== null) return answer(206, [random.pick(opsAbout(call.stepId, random).slice(0, 5) as [JsonValue])]);
  const about = () => random.pick(opsAbout(random.pick(STEPS as [string]), random) as [JsonValue]);
  switch (random.below(8)) {
    case 0:
      return answer(500, ERROR);
    case 1:
      headers["x-inngest-no-retry"] = random.chance(0.1) ? "true" : "false";
      headers["retry-after"] = "30";
      return answer(400, ERROR);
    case 2:
      return answer(206, random.chance(0.2) ? [about(), { op: "RunComplete", id: "complete", data: "end" }] : []);
    case 3:
    case 4:
      return answer(206, [about(), about(), about()]);
    default:
      return answer(206, [about()]);
  }
}

// ---- what comes of them on the way ---------------------------------------------------------------------------------

const VALUES: readonly [JsonValue, ...JsonValue[]] = [
  null,
  true,
  0,
  -1,
  1e308,
  "",
  "StepRun",
  "a",
  "\u0000",
  "\uD83D",
  "é".repeat(700),
  "9999999d",
  "-1h",
  "1w2d3h",
  [],
  [null],
  {},
  { __proto__x: 1, constructor: "x", length: -1 },
  [[[[[[]]]]]],
  "order/paid && (",
];

function mutated(answer: Answer, random: Random): PostResult {
  if (random.chance(0.02))
    return { kind: "failed", code: random.pick(["unreachable", "output_too_large"]), message: "broken" };
  let { status, body } = answer;
  const headers = { ...answer.headers };
  for (let times = 1 + random.below(3); times > 0; times--)
    switch (random.below(10)) {
      case 0:
        body = body.slice(0, random.below(body.length + 1));
        break;
      case 1: {
        const at = random.below(body.length + 1);
        body = body.slice(0, at) + random.pick(['"', "}", "]", ",", "\u0000", "x", "[", "{", " "]) + body.slice(at + 1);
        break;
      }
      case 2:
        status = random.pick([200, 201, 204, 206, 206, 299, 301, 400, 404, 410, 418, 500, 502, 599]);
        break;
      case 3: {
        const name = random.pick(["x-inngest-sdk", "x-inngest-req-version", "x-inngest-no-retry", "retry-after"]);
        if (random.chance(0.4)) delete headers[name];
        else
          headers[name] = random.pick(["", "-5", "0", "1", "2", "99999999", "TRUE", "tomorrow", "NaN", "false", "2.5"]);
        break;
      }
      default:
        body = mutatedJson(body, random);
    }
  return { kind: "answered", status, headers, body };
}

function mutatedJson(text: string, random: Random): string {
  let json: JsonValue;
  try {
    json = JSON.parse(text);
  } catch {
    return text;
  }
  return JSON.stringify(mutatedValue(json, random)) ?? "";
}

/** One place of a value, changed. */
function mutatedValue(value: JsonValue, random: Random): JsonValue {
  if (typeof value !== "object" || value === null || random.chance(0.08)) return random.pick(VALUES);
  if (Array.isArray(value)) {
    const items = [...value];
    const at = random.below(items.length + 1);
    const kind = random.below(6);
    if (kind === 0) items.splice(at, 1);
    else if (kind === 1) items.splice(at, 0, random.pick(VALUES));
    else if (kind === 2 && items.length > 0) items.push(items[random.below(items.length)] ?? null); // told twice
    else if (kind === 3) items.reverse();
    else if (at < items.length) items[at] = mutatedValue(items[at] ?? null, random);
    return items;
  }
  const entries = Object.entries(value);
  const at = random.below(entries.length + 1);
  const [name, inner] = entries[at] ?? ["extra", null];
  const kind = random.below(6);
  if (kind === 0) return Object.fromEntries(entries.filter((_, index) => index !== at));
  if (kind === 1 && name === "op")
    return { ...value, op: random.pick(["steprun", "Teleport", "SLEEP", "StepPlanned", "RunComplete"]) };
  if (kind === 2 && name === "id") return { ...value, id: random.pick(STEPS as [string]) };
  if (kind === 3)
    return { ...value, [random.pick(["opts", "data", "error", "name", "userland", "id"])]: random.pick(VALUES) };
  return { ...value, [name]: mutatedValue(inner ?? null, random) };
}

// ---- what was said ---------------------------------------------------------------------------------------------------

/** Results that replies have told of steps, read without the platform's own reader. */
class Said {
  readonly #results = new Map<string, Set<string>>();

  hear(body: string): void {
    this.#walk(parsed(body.trim()));
  }

  has(stepId: string, result: JsonValue): boolean {
    return this.#results.get(stepId)?.has(JSON.stringify(result)) ?? false;
  }

  #walk(value: JsonValue | undefined): void {
    if (typeof value === "string") return this.#walk(/^[[{]/.test(value) ? parsed(value) : undefined);
    if (typeof value !== "object" || value === null) return;
    for (const inner of Array.isArray(value) ? value : Object.values(value)) this.#walk(inner);
    if (Array.isArray(value) || typeof value.id !== "string") return;
    const results = this.#results.get(value.id) ?? new Set();
    this.#results.set(value.id, results);
    const { data = null } = value;
    results.add(JSON.stringify(data));
    if (typeof data === "object" && data !== null && !Array.isArray(data) && "data" in data)
      results.add(JSON.stringify(data.data)); // legacy `Step`
  }
}

function parsed(text: string): JsonValue | undefined {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** A step's memo is what a reply said of it, what this test answered its wait with, or the platform's own word for it. */
function expectHonest(entry: Entry, said: Said, where: string): void {
  if (entry.status.kind !== "settled") return;
  const { memo } = entry.status;
  const isWrapped = typeof memo === "object" && memo !== null && !Array.isArray(memo);
  if (isWrapped && "error" in memo) return expect(Object.keys(memo), where).toEqual(["error"]);
  if ((entry.kind === "sleep" || entry.kind === "signal") && memo === null) return;
  if (entry.kind === "wait" && (memo === null || JSON.stringify(memo) === JSON.stringify(PAID))) return;
  expect(isWrapped && Object.keys(memo), `${where}: ${JSON.stringify(memo)}`).toEqual(["data"]);
  const data = isWrapped ? (memo.data ?? null) : null;
  if (entry.kind === "invoke" && data === BILLED) return;
  expect(said.has(entry.id, data), `${where}: step ${entry.id} has ${JSON.stringify(data)}, which nobody said`).toBe(
    true,
  );
}

const PAID: Memo = { name: "order/paid", data: { order: 7 } };
const BILLED = "billed";

// ---- the run -----------------------------------------------------------------------------------------------------------

/** A named wait, an outstanding call or an end (G5). */
function expectSense(run: RunUnderTest, where: string): void {
  const { state } = run;
  const live = run.calls.filter((call) => isLive(run, call));
  if (state.kind === "executing") expect(live.length, where).toBeGreaterThan(0);
  if (state.kind === "blocked") expect(run.open().length, where).toBeGreaterThan(0);
  if (state.kind === "scheduled") expect(Number.isFinite(state.at), where).toBe(true);
  for (const entry of run.open()) expect(Number.isFinite(entryDueAt(entry)), where).toBe(true);
  expect(JSON.parse(JSON.stringify(run.run)), where).toEqual(run.run); // it can be stored
}

function isLive(run: RunUnderTest, call: Call): boolean {
  if (call.epoch !== run.run.epoch) return false;
  if (call.stepId === null) return run.run.http?.discoveries === call.number;
  const entry = run.journal.get(call.stepId);
  return entry?.status.kind === "planned" && entry.attempt === call.attempt;
}

/** Something happens that is not a reply: time, an event, the end of a callee. */
function goOn(run: RunUnderTest, random: Random): void {
  const { state } = run;
  if (state.kind === "scheduled") {
    run.now = Math.max(run.now, state.at);
    run.begin();
    return;
  }
  const [entry] = run.open().sort((a, b) => (entryDueAt(a) ?? 0) - (entryDueAt(b) ?? 0));
  if (!entry) return;
  if (entry.status.kind === "registering") run.subscribed(entry.id);
  if (entry.kind === "wait" && random.chance(0.5)) return void run.answer(entry.id, PAID);
  if (entry.kind === "invoke" && random.chance(0.5)) return void run.answer(entry.id, { data: BILLED });
  run.now = Math.max(run.now, entryDueAt(entry) ?? 0);
  run.due(entry.id);
}

/** An app that behaves: it runs what it is asked to, and then ends. */
function goodAnswer(call: Call): Answer {
  const ops =
    call.stepId === null
      ? { op: "RunComplete", id: "complete", data: "end" }
      : { op: "StepRun", id: call.stepId, data: "good" };
  return { kind: "answered", status: 206, headers: { ...SDKS[0] }, body: JSON.stringify([ops]) };
}

const ENDS = new Map<string, number>();

/** One run to its end; how many mutated replies it has got. */
function play(seed: number): number {
  const random = new Random(seed);
  const run = RunUnderTest.http(-1, { retry: { ...FIXED, maxAttempts: 12 } });
  const said = new Said();
  let replies = 0;
  for (let moves = 0; !isEnded(run.state); moves++) {
    const where = `seed ${seed}, move ${moves}`;
    if (moves > MOVES_MAX) throw new Error(`${where}: no end in sight: ${JSON.stringify(run.state)}`);
    const call = run.calls.length > 0 ? run.calls[random.below(run.calls.length)] : undefined;
    if (!call) goOn(run, random);
    else {
      const isBad = replies < REPLIES_PER_RUN;
      const isReal = isBad && random.chance(0.4);
      const real = isBad ? realAnswer(call, random) : goodAnswer(call);
      const result = isBad && !isReal ? mutated(real, random) : real;
      if (isBad && !isReal) replies += 1;
      if (result.kind === "answered") said.hear(result.body);
      run.calls.splice(run.calls.indexOf(call), 1);
      run.replyTo(call, readReply(result, run.now, run.run.http?.version ?? -1, run.now));
      if (random.chance(0.03)) run.lost();
      run.now += random.below(5_000);
    }
    expectSense(run, where);
  }
  for (const entry of run.journal.values()) expectHonest(entry, said, `seed ${seed}`);
  expect(run.now - NOW, `seed ${seed}`).toBeLessThan(3 * 366 * DAY);
  ENDS.set(run.state.kind, (ENDS.get(run.state.kind) ?? 0) + 1);
  return replies;
}

describe("[G2 G5 G9] replies that no SDK meant", () => {
  test(`${REPLIES} of them, seeded: no crash, no stuck run, no result that nobody said`, () => {
    let replies = 0;
    for (let seed = 1; replies < REPLIES; seed++) replies += play(seed);
    // it has seen both kinds of end, many times
    expect(ENDS.get("completed")).toBeGreaterThan(100);
    expect(ENDS.get("failed")).toBeGreaterThan(100);
  });

  let apps: AppsWorld | undefined;
  afterEach(() => apps?.close());

  test("on the host in memory, through calls, storage and alarms: every run ends once its app behaves", async () => {
    vi.spyOn(console, "error").mockReturnValue(undefined);
    let replies = 0;
    for (let seed = 1; seed <= 60; seed++) {
      const random = new Random(10_000 + seed);
      let left = REPLIES_PER_RUN;
      const said = new Said();
      apps = new AppsWorld({
        seed,
        answer: ({ body: { ctx } }) => {
          const stepId = ctx.step_id === "step" ? null : String(ctx.step_id);
          const call = { number: 1, stepId, attempt: ctx.attempt, epoch: 0 };
          const result = left > 0 ? mutated(realAnswer(call, random), random) : goodAnswer(call);
          if (left-- > 0) replies += 1;
          if (result.kind === "answered") said.hear(result.body);
          return result;
        },
      });
      await apps.register("hello", {
        maxAttempts: 3,
        backoff: "fixed",
        initialDelayMs: 1000,
        maxDelayMs: 1000,
        jitter: false,
      });
      const run = await apps.door.ended(await apps.door.send({ name: "hello", data: {} }));
      for (const { kind, hash, output, error } of run.steps as ((typeof run.steps)[number] & { hash: string })[])
        if (kind === "run" && output !== null && error === null)
          expect(said.has(hash, output as JsonValue) || output === "good", `seed ${seed}: ${hash}`).toBe(true);
    }
    expect(replies).toBeGreaterThan(200);
  });
});
