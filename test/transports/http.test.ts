import { describe, expect, test } from "vitest";
import { KnownMemos } from "../../src/durable-objects/known-memos.ts";
import type { CallRequest } from "../../src/durable-objects/transport.ts";
import type { Entry } from "../../src/engine/run.ts";
import { callBodySchema, type Memo } from "../../src/protocol/call.ts";
import type { EventRecord } from "../../src/protocol/event.ts";
import { CALL_BODY_MAX_BYTES } from "../../src/protocol/limits.ts";
import { callBody, HttpFunctions, memos } from "../../src/transports/http.ts";
import type { PostRequest } from "../../src/transports/post.ts";
import { verify } from "../../src/protocol/signature.ts";
import { EVENT, FIXED, newRun, NOW, RUN_ID } from "../helpers/run-builder.ts";

const entry = (id: string, position: number, status: Entry["status"], more: Partial<Entry> = {}): Entry => ({
  id,
  userId: id,
  kind: "run",
  type: "step.run",
  position,
  opened: position,
  status,
  attempt: 0,
  failures: [],
  version: 1,
  createdAt: NOW,
  ...more,
});
const settled = (id: string, position: number, memo: Memo): Entry =>
  entry(id, position, { kind: "settled", memo, at: NOW });
const record: EventRecord = { internalId: EVENT.id, event: EVENT };

/** As stores tell them. */
const textsOf = (entries: Entry[], after: number) =>
  entries.flatMap(({ id, position, status }) =>
    status.kind === "settled" && position > after ? { id, position, text: JSON.stringify(status.memo) } : [],
  );

interface Changes extends Partial<CallRequest> {
  /** of its journal */
  entries?: Entry[];
}

const request = ({ entries = [], ...changes }: Changes = {}): CallRequest => ({
  call: { number: 1, stepId: null, attempt: 0, epoch: 3 },
  url: "https://app.example.com/api/inngest?fnId=shop-ship&stepId=old",
  run: newRun({ http: { version: 2, pending: 0, discoveries: 0, emptyAt: null } }),
  events: [record],
  memos: new KnownMemos().of({ memosAfter: (position) => textsOf(entries, position) }),
  target: entries.find(({ id }) => id === changes.call?.stepId),
  disableImmediateExecution: false,
  sdk: async () => "js:v4.24.0",
  runNow: () => NOW,
  ...changes,
});
const textOf = (changes: Changes = {}) => callBody(request(changes)).body;
const bodyOf = (changes: Changes = {}) => JSON.parse(textOf(changes));

describe("[§3.1] the body of a call", () => {
  test("a first discovery", () => {
    expect(bodyOf()).toEqual({
      ctx: {
        fn_id: expect.stringMatching(/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/), // [C20] Go refuses anything else
        run_id: RUN_ID,
        env: "dev",
        step_id: "step",
        attempt: 0,
        max_attempts: 3,
        stack: { stack: [], current: 0 },
        qi_id: `${RUN_ID}.3.1.0`, // comes back with checkpoints
        request_id: `${RUN_ID}.3.1.0`,
        generation_id: 4,
        job_id: `${RUN_ID}-discovery-1`,
        disable_immediate_execution: false,
        use_api: false,
      },
      event: EVENT,
      events: [EVENT],
      steps: {},
      defers: {},
      version: 2,
      use_api: false,
    });
  });

  test("our own SDK reads it", () => {
    expect(callBodySchema.safeParse(bodyOf({ entries: [settled("a", 1, { data: 1 })] })).success).toBe(true);
  });

  test("[§3.6, C6] memos are sent as stored, open steps are not", () => {
    const entries = [
      settled("a", 1, { data: 1 }),
      settled("s", 2, null),
      entry("open", 3, { kind: "planned" }),
      settled("e", 4, { error: { name: "E", message: "m", data: null } }),
    ];
    expect(bodyOf({ entries })).toMatchObject({
      steps: { a: { data: 1 }, s: null, e: { error: { name: "E", message: "m", data: null } } },
      ctx: { stack: { stack: ["a", "s", "e"], current: 3 } },
    });
    expect(Object.keys(memos(entries))).toEqual(["a", "s", "e"]);
  });

  test("[§3.1] the stack is the order of completion, not of ids", () => {
    const entries = [settled("z", 1, 1), settled("m", 4, 2), settled("a", 7, 3)];
    expect(bodyOf({ entries }).ctx.stack).toEqual({ stack: ["z", "m", "a"], current: 3 });
  });

  test("a call for one step carries that step's attempt and number of tries", () => {
    const entries = [entry("a", 1, { kind: "planned" }, { attempt: 2, retry: { ...FIXED, maxAttempts: 9 } })];
    const call = { number: 0, stepId: "a", attempt: 2, epoch: 0 };
    expect(bodyOf({ call, entries, disableImmediateExecution: true }).ctx).toMatchObject({
      step_id: "a",
      attempt: 2,
      max_attempts: 9,
      disable_immediate_execution: true,
    });
  });

  test("[§5] signed, it is written in canonical form: what any SDK makes of it to verify it is the same text", async () => {
    const { default: canonicalize } = await import("canonicalize");
    const entries = [
      settled("z", 1, { data: { b: [1, 1e21, -0, 0.1], a: "ü\u2028\\" } }),
      settled("10", 2, null),
      settled("9", 3, { error: { name: "E", message: "m" } }),
    ];
    const { body } = callBody(request({ entries }), "canonical");
    expect(body).toBe(canonicalize(JSON.parse(body)));
    expect(JSON.parse(body)).toEqual(bodyOf({ entries }));
    const halfEmoji = callBody(request({ entries: [settled("a", 1, { data: "\ud83d" })] }), "canonical").body;
    expect(halfEmoji).toContain('"data":"\\ud83d"'); // RFC 8785 has no form of it
  });

  test("a discovery carries the handler's attempt, 0 again after progress", () => {
    const http = { version: 2, pending: 0, discoveries: 0, emptyAt: null };
    expect(bodyOf({ run: newRun({ http, attempt: 2, attemptAt: 4, position: 4 }) }).ctx.attempt).toBe(2);
    expect(bodyOf({ run: newRun({ http, attempt: 2, attemptAt: 4, position: 5 }) }).ctx.attempt).toBe(0);
  });
});

describe("[§3.1] use_api", () => {
  const withMemo = (bytes: number) => [settled("a", 1, { data: "x".repeat(bytes) })];

  test("over the bound, state stays here: flags set, event and stack sent", () => {
    const body = bodyOf({ entries: withMemo(CALL_BODY_MAX_BYTES) });
    expect(body).toMatchObject({
      ctx: { use_api: true, stack: { stack: ["a"], current: 1 } },
      use_api: true, // Python reads this one
      events: [],
      steps: {},
      event: EVENT,
    });
  });

  test("exactly at the bound everything is sent", () => {
    const empty = textOf({ entries: withMemo(0) }).length;
    const full = textOf({ entries: withMemo(CALL_BODY_MAX_BYTES - empty) });
    expect(full.length).toBe(CALL_BODY_MAX_BYTES);
    expect(JSON.parse(full).use_api).toBe(false);
    expect(bodyOf({ entries: withMemo(CALL_BODY_MAX_BYTES - empty + 1) }).use_api).toBe(true);
  });

  test("the bound counts bytes, not characters", () => {
    expect(bodyOf({ entries: [settled("a", 1, "é".repeat(CALL_BODY_MAX_BYTES / 2))] }).use_api).toBe(true);
  });
});

describe("[§3.1] the request", () => {
  async function post(options: { key?: string | null; isDev?: boolean; call?: Changes } = {}) {
    const sent: PostRequest[] = [];
    const functions = new HttpFunctions({
      exchange: async () => ({ kind: "failed", code: "unreachable", message: "nothing is asked here" }),
      post: async (given) => {
        sent.push(given);
        return {
          kind: "answered",
          status: 206,
          headers: { "x-inngest-sdk": "js:v4", "x-inngest-req-version": "2" },
          body: "[]",
        };
      },
      signingKey: () => options.key ?? null,
      isDev: () => options.isDev ?? false,
      now: () => NOW,
    });
    const reply = await functions.call(request(options.call));
    return { sent: sent[0]!, reply };
  }

  test("`stepId` of the URL is replaced, the rest of it kept", async () => {
    const discovery = await post();
    expect(discovery.sent.url).toBe("https://app.example.com/api/inngest?fnId=shop-ship&stepId=step");
    const target = await post({ call: { call: { number: 0, stepId: "abc", attempt: 1, epoch: 3 } } });
    expect(target.sent.url).toBe("https://app.example.com/api/inngest?fnId=shop-ship&stepId=abc");
    expect(target.sent.headers).toMatchObject({
      "x-run-id": RUN_ID,
      "x-inngest-step-id": "abc",
    });
  });

  test("it says which call of which run it is, of what generation, and where in its trace", async () => {
    const { sent } = await post({ call: { call: { number: 0, stepId: "abc", attempt: 1, epoch: 3 } } });
    const { ctx } = JSON.parse(sent.body);
    expect(sent.headers).toMatchObject({
      "x-request-id": ctx.qi_id,
      "x-inngest-job-id": ctx.job_id,
      "x-inngest-generation-id": "4",
      traceparent: expect.stringMatching(/^00-[0-9a-f]{32}-[0-9a-f]{16}-01$/),
      tracestate: expect.stringMatching(/^inngest@app=[0-9a-f-]{36},inngest@fn=[0-9a-f-]{36},inngest@traceref=[^,=]+$/),
      "account-id": expect.stringMatching(/^[0-9a-f-]{36}$/),
    });
    expect(sent.headers.tracestate).toContain(`inngest@fn=${ctx.fn_id}`);
    const again = await post({ call: { call: { number: 0, stepId: "abc", attempt: 2, epoch: 3 } } });
    expect(again.sent.headers["x-inngest-job-id"]).toBe(ctx.job_id);
    expect(again.sent.headers["x-request-id"]).not.toBe(ctx.qi_id);
    expect(again.sent.headers.traceparent?.slice(0, 35)).toBe(sent.headers.traceparent?.slice(0, 35)); // one trace
  });

  test("a step id that no SDK gives fits its headers all the same", async () => {
    const { sent } = await post({ call: { call: { number: 0, stepId: "grüß\n", attempt: 0, epoch: 0 } } });
    expect(() => new Headers(sent.headers)).not.toThrow();
    expect(new URL(sent.url).searchParams.get("stepId")).toBe("grüß\n");
  });

  test("[C20] a Go client cannot fetch state apart: the run ends with an error that says so, and no call is made", async () => {
    const entries = [settled("a", 1, { data: "x".repeat(CALL_BODY_MAX_BYTES) })];
    for (const [sdk, isMade] of [
      ["go:v0.15.1", false],
      ["js:v4.24.0", true],
      ["py:v0.5.18", true],
    ] as const) {
      const { sent, reply } = await post({ call: { entries, sdk: async () => sdk } });
      expect(sent !== undefined).toBe(isMade);
      if (!isMade) expect(reply).toMatchObject({ kind: "error", final: true, error: { code: "call_too_large" } });
    }
    expect((await post({ call: { sdk: async () => "go:v0.15.1" } })).reply.kind).toBe("ops"); // a small one is
  });

  test("[G10] it is signed in production and never carries the key", async () => {
    const { sent } = await post({ key: "signkey-prod-0123456789abcdef" });
    expect(sent.headers).toMatchObject({ "x-inngest-server-kind": "cloud", "x-inngest-req-version": "2" });
    expect(JSON.stringify(sent)).not.toContain("0123456789abcdef");
    expect(await verify(sent.headers["x-inngest-signature"], ["signkey-prod-0123456789abcdef"], sent.body, NOW)).toBe(
      true,
    );
  });

  test("without a key, in dev mode, it is not signed", async () => {
    const { sent } = await post({ isDev: true });
    expect(sent.headers["x-inngest-server-kind"]).toBe("dev");
    expect(sent.headers["x-inngest-signature"]).toBeUndefined();
  });

  test("the answer is read with the version known so far", async () => {
    expect((await post()).reply).toEqual({ kind: "ops", ops: [], version: 2, retryAt: undefined });
  });
});
