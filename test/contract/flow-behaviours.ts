/** The rules of flow control as a user sees them, over HTTP only, on every host and over its transports. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { RunDetail } from "../helpers/front-door.ts";
import type { BehaviourHost } from "./behaviours.ts";

export function flowBehaviours(host: BehaviourHost): void {
  const { ended, readRun, request, runWhen, send, sendAll, started, until } = host.door;

  describe.each(host.transports)("flow control over %s:", (transport) => {
    beforeAll(() => host.begin?.(transport));
    afterAll(() => host.end?.());
    const app = host.apps[transport];

    interface Started {
      key: string;
      id: string;
    }
    async function start(name: string, lane: string, data: object = {}): Promise<Started> {
      const key = crypto.randomUUID();
      return { key, id: await send({ name: `${transport}/${name}`, data: { key, lane, ...data } }) };
    }
    const holds = ({ key }: Started) => until(async () => (await app.counted(`${key}.hold`)) > 0, "the step to begin");
    const letGo = ({ key }: Started) => app.open(`${key}.hold`);
    const lane = () => `lane-${crypto.randomUUID()}`;
    const lineOf = (run: RunDetail) => run.waiting_for.find(({ kind }) => kind === "line");
    const inLine = ({ id }: Started) => runWhen(id, (run) => lineOf(run)?.on !== undefined, "to stand in a line");
    const place = (run: RunDetail) => lineOf(run)?.on as Record<string, unknown>;

    it("concurrency: one waits for the other, and says at which key, at which place and behind whom [G5]", async () => {
      const key = lane();
      const first = await start("only", key);
      await holds(first);
      const second = await start("only", key);
      const waiting = await until(async () => {
        const run = await inLine(second);
        return place(run).place === 1 && run;
      }, "the line to be told");
      expect(waiting.status).toBe("Scheduled");
      const { run_id } = await started(first.id);
      expect(place(waiting)).toMatchObject({ rule: "concurrency", key, limit: 1, held: 1, holders: [run_id] });
      expect(await app.counted(`${second.key}.hold`)).toBe(0);
      await letGo(first);
      await holds(second);
      await letGo(second);
      expect([(await ended(first.id)).status, (await ended(second.id)).status]).toEqual(["Completed", "Completed"]);
    });

    it("concurrency: a run that sleeps holds nothing", async () => {
      const key = lane();
      const first = await start("only", key, { nap: "1m" });
      await holds(first);
      const second = await start("only", key);
      await letGo(first);
      await holds(second);
      await letGo(second);
      expect((await ended(second.id)).status).toBe("Completed");
      expect((await started(first.id)).status).toBe("Running");
    });

    it("priority: who is more urgent goes first, whoever came first", async () => {
      const key = lane();
      const first = await start("only", key);
      await holds(first);
      const later = await start("only", key, { urgency: 0 });
      await inLine(later);
      const urgent = await start("only", key, { urgency: 100 });
      await until(async () => place(await inLine(urgent)).place === 1, "the urgent one to stand first");
      await letGo(first);
      await holds(urgent);
      expect(await app.counted(`${later.key}.hold`)).toBe(0);
      await letGo(urgent);
      await holds(later);
      await letGo(later);
      await ended(later.id);
    });

    it("concurrency of whole runs: also one that sleeps is in", async () => {
      const key = lane();
      const first = await start("whole", key, { nap: "1s" });
      const second = await start("whole", key);
      await holds(first);
      await inLine(second);
      await letGo(first);
      await letGo(second);
      const [one, two] = [await ended(first.id), await ended(second.id)];
      expect(Date.parse(two.run_started_at)).toBeGreaterThanOrEqual(Date.parse(one.ended_at ?? ""));
    });

    it('order "fifo": runs begin as their events were sent', async () => {
      const key = lane();
      const events = Array.from({ length: 6 }, (_, n) => ({ key: crypto.randomUUID(), lane: key, n }));
      const ids = await sendAll(events.map((data) => ({ name: `${transport}/ordered`, data })));
      for (const { key: own } of events) await app.open(`${own}.hold`);
      const runs = [];
      for (const id of ids) runs.push(await ended(id));
      const ends = runs.map(({ ended_at }) => Date.parse(ended_at ?? ""));
      expect(runs.map(({ status }) => status)).toEqual(events.map(() => "Completed"));
      expect(ends).toEqual(ends.toSorted((a, b) => a - b));
    });

    it("throttle: starts are spaced, and who waits knows until when", async () => {
      const key = lane();
      const first = await start("spaced", key);
      await holds(first);
      const second = await start("spaced", key);
      const waiting = await until(async () => {
        const run = await inLine(second);
        return lineOf(run)?.earliest_at !== undefined && run;
      }, "the time to be told");
      expect(place(waiting)).toMatchObject({ rule: "throttle", key });
      await letGo(first);
      await letGo(second);
      await host.pass(2_000);
      const [one, two] = [await ended(first.id), await ended(second.id)];
      expect(Date.parse(two.run_started_at) - Date.parse(one.run_started_at)).toBeGreaterThanOrEqual(1_900);
    });

    it("singleton, skip: the second is skipped, and says because of whom; who invokes it hears of it", async () => {
      const key = lane();
      const first = await start("alone-skip", key);
      await holds(first);
      const { run_id } = await started(first.id);
      const second = await ended((await start("alone-skip", key)).id);
      expect(second).toMatchObject({ status: "Skipped", skip_reason: "singleton", skipped_by_run_id: run_id });
      const call = await ended((await start("call-alone", key)).id);
      expect(call.output).toMatchObject({ name: "FunctionSkippedError" });
      await letGo(first);
      expect((await ended(first.id)).status).toBe("Completed");
    });

    it("singleton, cancel: the newer takes the place of the older", async () => {
      const key = lane();
      const first = await start("alone-cancel", key);
      await holds(first);
      const second = await start("alone-cancel", key);
      expect((await ended(first.id)).status).toBe("Cancelled");
      await letGo(first); // its code ends, and only then the other's begins
      await holds(second);
      await letGo(second);
      expect((await ended(second.id)).status).toBe("Completed");
    });

    it("singleton, queue: the newest waits, an older one that waits is skipped", async () => {
      const key = lane();
      const first = await start("alone-queue", key);
      await holds(first);
      const second = await start("alone-queue", key);
      await inLine(second);
      const third = await start("alone-queue", key);
      expect((await ended(second.id)).status).toBe("Skipped");
      await letGo(first);
      await holds(third);
      await letGo(third);
      expect((await ended(third.id)).status).toBe("Completed");
    });

    it("cancelOn: a matching event cancels a run that sleeps, and no other", async () => {
      const [key, other] = [lane(), lane()];
      const [stopped, unharmed] = [await start("stoppable", key, { nap: "1m" }), await start("stoppable", other)];
      await letGo(stopped);
      await runWhen(stopped.id, (run) => run.waiting_for.some(({ kind }) => kind === "sleeping"), "the nap");
      await send({ name: `${transport}/stop`, data: { lane: key } });
      const run = await ended(stopped.id);
      expect([run.status, run.cancel_reason]).toEqual(["Cancelled", expect.stringContaining(`${transport}/stop`)]);
      await letGo(unharmed);
      expect((await ended(unharmed.id)).status).toBe("Completed");
    });

    it("timeouts: a run that takes too long is cancelled, also one that never came to start", async () => {
      const key = lane();
      const first = await start("hasty", key, { nap: "3s" });
      await holds(first);
      await letGo(first);
      const brief = await start("brief", key, { nap: "1m" });
      await letGo(brief);
      const second = await start("hasty", key);
      expect(await ended(brief.id)).toMatchObject({
        status: "Cancelled",
        cancel_reason: expect.stringContaining("timeouts.finish"),
      });
      expect(await ended(second.id)).toMatchObject({
        status: "Cancelled",
        cancel_reason: expect.stringContaining("timeouts.start"),
      });
      expect(await app.counted(`${second.key}.hold`)).toBe(0);
    });

    it("a cancel may take along what the run has invoked", async () => {
      const call = await start("call-alone", lane());
      await holds(call);
      const { run_id } = await started(call.id);
      expect((await request(`/v1/runs/${run_id}?cascade=true`, { method: "DELETE" })).status).toBe(200);
      const events = await request("/v1/events?name=inngest/function.invoked&limit=50").then((reply) => reply.json());
      const invoked = (events as { data: { data: { key?: string }; internal_id: string }[] }).data.find(
        ({ data }) => data.key === call.key,
      );
      expect((await ended(invoked?.internal_id ?? "")).status).toBe("Cancelled");
      await letGo(call);
    });

    it("[G7] after a crash of every object: who was in goes on, who waited still waits", async () => {
      const key = lane();
      const first = await start("only", key);
      await holds(first);
      const second = await start("only", key);
      await inLine(second);
      const { run_id } = await started(first.id);
      await host.crash(run_id);
      expect(await app.counted(`${second.key}.hold`)).toBe(0);
      await letGo(first);
      await letGo(second);
      const [one, two] = [await ended(first.id), await ended(second.id)];
      expect([one.status, two.status]).toEqual(["Completed", "Completed"]);
      expect((await readRun(two.run_id)).waiting_for).toEqual([]);
    });
  });
}
