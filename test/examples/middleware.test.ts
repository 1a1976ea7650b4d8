/** The examples of `examples/middleware`, as they are, called as a server calls them. They import the built package. */
import { describe, expect, test } from "vitest";
import { stepHash } from "../../src/protocol/ids.ts";
import { EVENT, RUN_ID } from "../helpers/run-builder.ts";

interface Served {
  fetch(request: Request, env?: object, ctx?: object): Promise<Response>;
}

/** Calls a function until it ends; the replies, in their order. */
async function run(app: unknown, functionId: string, event: { name: string; data: object }): Promise<unknown[]> {
  const steps: Record<string, unknown> = {};
  const replies: unknown[] = [];
  for (;;) {
    const sent = { ...EVENT, ...event };
    const stack = { stack: Object.keys(steps), current: Object.keys(steps).length };
    const body = { ctx: { run_id: RUN_ID, attempt: 0, max_attempts: 1, stack }, event: sent, events: [sent], steps };
    const request = new Request(`http://app.test/api/inngest?fnId=${functionId}&stepId=step`, {
      method: "POST",
      body: JSON.stringify(body),
    });
    const response = await (app as Served).fetch(request, {}, { waitUntil() {}, passThroughOnException() {} });
    const reply = await response.json();
    replies.push(reply);
    if (response.status !== 206) return replies;
    for (const op of reply as { id: string; data?: unknown; error?: unknown }[])
      steps[op.id] = op.error === undefined ? { data: op.data } : { error: op.error };
  }
}

describe("examples/middleware", () => {
  test("dependency-injection: the handler finds the database", async () => {
    const { default: app } = await import("../../examples/middleware/dependency-injection.ts");
    const replies = await run(app, "injected-greet", { name: "user/created", data: { userId: "u1" } });
    expect(replies).toMatchObject([[{ id: stepHash("find-user", 0), data: "Ada" }], "Hello Ada"]);
  });

  test("encryption: nothing that leaves the app says what it is", async () => {
    const { default: app } = await import("../../examples/middleware/encryption.ts");
    const data = { patientId: "p1", encrypted: { diagnosis: "flu" } };
    const replies = await run(app, "encrypted-score-patient", { name: "patient/admitted", data });
    expect(replies).toMatchObject([[{ data: { __ENCRYPTED__: true } }], { __ENCRYPTED__: true }]);
    expect(JSON.stringify(replies)).not.toContain("flu");
  });

  test("sentry: the failed step ends the run as without", async () => {
    const { default: app } = await import("../../examples/middleware/sentry.ts");
    const replies = await run(app, "watched-charge", { name: "order/created", data: { customerId: "c1" } });
    expect(replies).toMatchObject([
      [{ op: "StepFailed", error: { message: "card of c1 declined" } }],
      { message: "card of c1 declined" },
    ]);
  });

  test("validation: data that does not fit, and events that nothing describes, are refused", async () => {
    const { default: app } = await import("../../examples/middleware/validation.ts");
    const replies = await run(app, "validated-ship", { name: "order/paid", data: { orderId: "o1" } });
    expect(replies.at(-1)).toBe("shipped o1");
    for (const event of [
      { name: "order/paid", data: { orderId: 1 } },
      { name: "other", data: {} },
    ])
      expect(await run(app, "validated-ship", event)).toMatchObject([{ message: expect.stringContaining(event.name) }]);
  });

  test("timing: every function begins with its step, and each step is timed", async () => {
    const { default: app, timings } = await import("../../examples/middleware/timing.ts");
    const replies = await run(app, "timed-add", { name: "numbers/given", data: { a: 1, b: 2 } });
    expect(replies.at(-1)).toBe(3);
    expect(timings).toEqual([expect.stringMatching(/^warm-up: \d+ ms$/), expect.stringMatching(/^add: \d+ ms$/)]);
  });
});
