/** The in-memory host is no other platform: programs by chance come to the same there and in workerd, entry by entry. */
import { env } from "cloudflare:workers";
import { beforeAll, expect, it } from "vitest";
import type { RunObjectApi } from "../../src/durable-objects/objects.ts";
import { isEnded } from "../../src/engine/run.ts";
import { runView } from "../../src/routes/run-view.ts";
import { randomProgram, type Program } from "../fixtures/random-workflow.ts";
import { MEMORY_APP, memoryHost } from "../helpers/memory-host.ts";
import { drive, type Driven, type WorkflowHost } from "../helpers/workflow-driver.ts";
import { json, send } from "./helpers/front-door.ts";

const PROGRAMS = 200;
const HTTP_PROGRAMS = 50;
const AT_A_TIME = 16;
const LOOKS_MAX = 400;
/** Deadlines nearer to each other may come in another order where time passes while code executes. */
const APART_MS = 60_000;

/** The binding is the test's own (vitest.config.ts). */
function objectOf(runId: string): RunObjectApi {
  const namespace: DurableObjectNamespace = Reflect.get(env, "StepDO");
  return namespace.getByName(`main/${runId}`) as unknown as RunObjectApi;
}

const workerd: WorkflowHost = {
  send,
  // looked at and moved often: by the object itself until the run has ended, then by the API, which asks many others
  read: async (runId) => {
    const object = objectOf(runId);
    for (let before = await object.summary(); before;) {
      if (isEnded(before.run.state)) break;
      const { entries } = await object.journal(0);
      const after = await object.summary();
      // header and journal are two answers: they belong together when nothing was committed between
      if (after?.run.position === before.run.position) return runView({ ...after, entries });
      before = after;
    }
    const { status, body } = await json(`/v1/runs/${runId}`);
    return status === 404 ? null : body.data;
  },
  advance: async (runId, ms) => {
    expect(await objectOf(runId).advance(ms)).toEqual({ kind: "advanced" });
  },
  now: () => Date.now(),
  pause: async (looks, state) => {
    if (looks > LOOKS_MAX) throw new Error(`it does not come to rest: ${state()}`);
    await scheduler.wait(Math.min(10 * (looks + 1), 100));
  },
};

interface Sample {
  seed: number;
  program: Program;
  /** on the in-memory host */
  expected: Driven;
}

const samples: Sample[] = [];

beforeAll(async () => {
  for (let seed = 1; samples.length < PROGRAMS; seed++) {
    const program = randomProgram(seed);
    const expected = await drive(memoryHost({ seed }), MEMORY_APP, program, `${seed}.memory`);
    if (expected.closestMs >= APART_MS) samples.push({ seed, program, expected });
  }
}, 120_000);

/** All samples, several at a time. */
async function each(list: Sample[], check: (sample: Sample) => Promise<void>): Promise<void> {
  const left = [...list];
  const work = async () => {
    for (let sample = left.shift(); sample; sample = left.shift()) {
      try {
        await check(sample);
      } catch (error) {
        throw new Error(`seed ${sample.seed}: ${JSON.stringify(sample.program)}`, { cause: error });
      }
    }
  };
  await Promise.all(Array.from({ length: AT_A_TIME }, work));
}

it("the samples use every tool, and end in every way", () => {
  const text = JSON.stringify(samples.map(({ program }) => program));
  for (const op of ["step", "sleep", "sleepUntil", "wait", "invoke", "send", "throw", "loop", "try"])
    expect(text).toContain(`"op":"${op}"`);
  for (const op of ["all", "settled", "race"]) expect(text).toContain(`"op":"${op}"`);
  const traces = samples.map(({ expected }) => expected.trace);
  expect(new Set(traces.map(({ status }) => status))).toEqual(new Set(["Completed", "Failed"]));
  expect(traces.filter(({ status }) => status === "Completed").length).toBeGreaterThan(PROGRAMS / 2);
  expect(traces.reduce((sum, { settled }) => sum + settled.length, 0)).toBeGreaterThan(PROGRAMS * 4);
});

it(`${PROGRAMS} programs have the same journal and output in workerd as in memory`, { timeout: 300_000 }, () =>
  each(samples, async ({ seed, program, expected }) => {
    const { trace } = await drive(workerd, MEMORY_APP, program, `${seed}.workerd`);
    expect(trace).toEqual(expected.trace);
  }),
);

// over HTTP a step that is found by another try of the handler counts that try as its own (inngest-protocol §4)
const sharesAttempts = ({ program }: Sample) => /"op":"throw"[^}]*"times"/.test(JSON.stringify(program));

it(`${HTTP_PROGRAMS} programs come to the same over HTTP`, { timeout: 120_000 }, async () => {
  const list = samples.filter((sample) => !sharesAttempts(sample)).slice(0, HTTP_PROGRAMS);
  expect(list).toHaveLength(HTTP_PROGRAMS);
  for (const { seed, program, expected } of list) {
    const host = memoryHost({ seed, transport: "http" });
    const { trace } = await drive(host, MEMORY_APP, program, `${seed}.http`);
    expect([seed, trace.status, trace.output, trace.error]).toEqual([
      seed,
      expected.trace.status,
      expected.trace.output,
      expected.trace.error,
    ]);
  }
});
