/** The platform in this process, for tests of its own insides: what public tests need not reach is reached here. */
import { acceptRecords } from "../../src/durable-objects/accept.ts";
import { logOf, type Objects } from "../../src/durable-objects/objects.ts";
import { sweep } from "../../src/durable-objects/sweep.ts";
import { readEvents } from "../../src/protocol/event-request.ts";
import { runIdOf, type UlidParts } from "../../src/protocol/ids.ts";
import type { RunView } from "../../src/routes/run-view.ts";
import { Inngest, type InngestFunction } from "../../src/sdk/index.ts";
import { noFaults, type FaultSource } from "../../src/testing/host/faults.ts";
import { ENV } from "../../src/testing/host/world.ts";
import type { SimulationHooks, TestPlatformOptions } from "../../src/testing/platform-options.ts";
import { createTestPlatform, type TestPlatform } from "../../src/testing/platform.ts";
import type { TestRun } from "../../src/testing/run.ts";

export const silent = { debug() {}, info() {}, warn() {}, error() {} };

export interface SimulatedOptions extends Omit<TestPlatformOptions, "functions" | "simulation"> {
  faults?: FaultSource;
  /** which of the tasks that are ready goes on. Default: the first */
  choose?: (count: number) => number;
}

/** A platform with the functions of an app, `mem` with a silent logger unless a client is given. */
export function simulated(
  functions: (client: Inngest) => InngestFunction<any, any>[],
  { client = new Inngest({ id: "mem", logger: silent }), faults, choose, ...options }: SimulatedOptions = {},
): TestPlatform {
  const simulation = { ...calm, faults: faults ?? noFaults, choose: choose ?? calm.choose };
  return createTestPlatform({ functions: functions(client), client, ...options, simulation });
}

const calm: SimulationHooks = {
  faults: noFaults,
  choose: () => 0,
  reply: () => null,
  committed: () => undefined,
  ended: () => undefined,
  accepted: () => undefined,
};

/** The process dies, and the queue in it: objects lose their memory; disks and alarms stay. */
export function die(platform: TestPlatform): void {
  platform.world.resetAll({ losesMessages: true });
}

/**
 * Has the process die at turns of its own, before what was written in the last one takes effect or after it.
 *
 * @param isLast whether a turn, counted from 0, is followed by a death
 */
export function dieAfterTurns(
  platform: TestPlatform,
  isLast: (turn: number) => "before" | "after" | null,
  died: () => void = () => undefined,
): { turns: number } {
  const seen = { turns: 0 };
  const { turns } = platform.world;
  turns.between = () => {
    const when = isLast(seen.turns++);
    const end = () => {
      die(platform);
      died();
    };
    if (when === "before") end();
    if (when === "after") turns.atEnd(end); // after the commits, which were registered before
  };
  return seen;
}

/** Ways to the objects that are there, from outside. */
export function objectsOf(platform: TestPlatform): Objects {
  return platform.world.objects();
}

/** One request that sends one event, as `POST /e` does; its internal id. */
export async function accept(platform: TestPlatform, event: object, seed: UlidParts): Promise<string> {
  const { now } = platform.world.clock;
  const records = readEvents(JSON.stringify(event), seed, now);
  await platform.world.invoke((objects) => acceptRecords(objects, ENV, records, now));
  return records[0]!.internalId;
}

/** The run that an event started of a function. */
export function runOf(platform: TestPlatform, eventId: string, functionId: string): TestRun | undefined {
  const id = runIdOf(eventId, functionId);
  return platform.runs().find((run) => run.id === id);
}

/** The same as the API would read it. */
export async function view(platform: TestPlatform, eventId: string, functionId: string): Promise<RunView | null> {
  const run = objectsOf(platform).run(ENV, runIdOf(eventId, functionId));
  const summary = await run.summary();
  return summary && { ...summary, ...(await run.journal(0)) };
}

/** Whether the log of an event has nothing left to route. */
export function isAcknowledged(platform: TestPlatform, eventId: string): boolean {
  return platform.world.isRouted(logOf(eventId));
}

/** What the minute's cron does in an hour: older logs are looked at once in that time. */
export async function sweepAnHour(platform: TestPlatform): Promise<void> {
  const { world } = platform;
  for (let minute = 0; minute < 60; minute++) {
    await world.invoke((objects) => sweep(objects, ENV, world.clock.now));
    world.clock.moveTo(world.clock.now + 60_000);
  }
}

/** Ten bytes, the first of which decides the shard of a log. */
export function seedOf(platform: TestPlatform, n: number, shard = 0): UlidParts {
  const entropy = new Uint8Array(10).fill(shard);
  new DataView(entropy.buffer).setUint32(1, n);
  return { timeMs: platform.clock.now(), entropy };
}
