/** Runs of Inngest's own clients that are repeated from a step on: the two versions share state in a process. */
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { AppsWorld, official } from "./apps-world.ts";

export const silent = { debug() {}, info() {}, warn() {}, error() {} };
let apps: AppsWorld;
let ran: string[] = [];

/** What a client asks the platform with. */
export const fetchOfApp = (input: RequestInfo | URL, init?: RequestInit) =>
  apps.request(new URL(input instanceof Request ? input.url : input).pathname, init);

// what each version declares of steps is another type
export const work = async ({ step, event }: any) => {
  const price = await step.run("price", () => (ran.push("price"), 21));
  const sides = await Promise.all(["left", "right"].map((id) => step.run(id, () => (ran.push(id), id))));
  const charged = await step.run(
    "charge",
    (amount: number, { times }: { times: number }) => (ran.push("charge"), amount * times),
    price,
    { times: event.data.times },
  );
  return { price, sides, charged };
};

export function rerunsOf(version: string, serve: () => unknown): void {
  beforeEach(() => {
    ran = [];
    for (const name of Object.keys(process.env)) if (name.startsWith("INNGEST_")) vi.stubEnv(name, undefined);
  });
  afterEach(() => {
    apps.close();
    vi.unstubAllEnvs();
  });

  describe(`[§3.6] inngest ${version}`, () => {
    async function worked() {
      apps = new AppsWorld({ answer: official(serve() as (request: Request) => Promise<Response>) });
      const url = "http://app.test/api/inngest";
      await apps.registerApp({
        url,
        deployType: "ping",
        framework: "edge",
        appName: "app",
        sdk: `js:v${version}.0`,
        v: "0.1",
        functions: [
          {
            id: "app-work",
            name: "work",
            triggers: [{ event: "work" }],
            steps: { step: { id: "step", name: "step", runtime: { type: "http", url: `${url}?fnId=app-work` } } },
          },
        ],
      });
      const { run_id } = await apps.door.ended(await apps.door.send({ name: "work", data: { times: 2 } }));
      ran = [];
      return run_id;
    }
    const again = async (path: string, body: object) => {
      const { body: answer } = await apps.door.post(path, body);
      const runId: string = answer.data.run_id ?? answer.data.runId;
      await apps.door.until(async () => (await apps.door.readRun(runId)).ended_at, "its end");
      return apps.door.readRun(runId);
    };

    test("a step runs again with what comes after it, and nothing before it does", async () => {
      const run = await again(`/v1/runs/${await worked()}/rerun`, { from_step: { id: "charge" } });
      expect(run.output).toEqual({ price: 21, sides: ["left", "right"], charged: 42 });
      expect(ran).toEqual(["charge"]);
    });

    test("its code gets the arguments that were written", async () => {
      const from = { id: "charge", input: [100, { times: 3 }] };
      const run = await again(`/v1/runs/${await worked()}/rerun`, { from_step: from });
      expect(run.output).toMatchObject({ charged: 300 });
      expect(run.steps.at(-1)).toMatchObject({ id: "charge", input: [100, { times: 3 }] });
    });

    test("side by side, what had not ended before runs again too, as v2 asks it", async () => {
      const run = await again(`/v2/runs/${await worked()}/rerun`, { fromStep: { stepId: "right" } });
      expect(run.output).toEqual({ price: 21, sides: ["left", "right"], charged: 42 });
      expect(ran.toSorted()).toEqual(["charge", "right"]);
    });
  });
}
