/** Sessions from an event through the runs that follow from it, over the platform's own objects in memory. */
import { expect, test } from "vitest";
import { NonRetriableError } from "../../src/sdk/index.ts";
import { simulated } from "../helpers/simulated-platform.ts";

test("[features §1.3] sessions go from an event to the runs of all that it leads to", async () => {
  const seen: Record<string, unknown> = {};
  const platform = simulated((client) => {
    const invoked = client.createFunction({ id: "invoked" }, ({ sessions }) => void (seen.invoked = sessions));
    return [
      client.createFunction({ id: "first" }, { event: "go" }, async ({ step, sessions }) => {
        seen.first = sessions;
        await step.sendEvent("tell", [
          { name: "as-is" },
          { name: "changed", meta: { sessions: { chat: "other", order: 5 } } },
          { name: "cut", meta: { sessions: { chat: null } } },
          { name: "cleared", meta: { sessions: null } },
        ]);
        await step.invoke("call", { function: invoked, meta: { sessions: { org: null } } });
        throw new NonRetriableError("so that its end is told");
      }),
      invoked,
      ...["as-is", "changed", "cut", "cleared"].map((event) =>
        client.createFunction(
          { id: event },
          { event },
          ({ event: { name }, sessions }) => void (seen[name] = sessions),
        ),
      ),
      client.createFunction(
        { id: "listener" },
        { event: "inngest/function.failed", if: "event.meta.sessions.chat == 'c-7'" },
        ({ sessions }) => void (seen.failed = sessions),
      ),
    ];
  });
  const event = { name: "go", id: "e", meta: { sessions: { chat: "c-7", org: 4 } } };
  await platform.send(event);
  await platform.clock.runUntilIdle();
  expect(seen).toStrictEqual({
    first: { chat: "c-7", org: "4" },
    "as-is": { chat: "c-7", org: "4" },
    changed: { chat: "other", order: "5", org: "4" },
    cut: { org: "4" },
    cleared: undefined,
    invoked: { chat: "c-7" },
    failed: { chat: "c-7", org: "4" },
  });
});
