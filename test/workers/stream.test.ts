/** `GET /v1/stream`: what changes is told as it changes, to those who watch. */
import { abortAllDurableObjects } from "cloudflare:test";
import { beforeAll, describe, expect, it } from "vitest";
import { LOG_SHARDS } from "../../src/durable-objects/objects.ts";
import { STREAMS_MAX } from "../../src/protocol/limits.ts";
import { eventUlid } from "../../src/protocol/ids.ts";
import { json, outputOf, post, request, runWhen, send, sendAll, until } from "./helpers/front-door.ts";
import { objectIds } from "./helpers/object-ids.ts";

interface Told {
  event: string;
  data: any;
  id: string | undefined;
}

/** A reader of a stream, which is ready. */
async function watch(query: string, lastEventId?: string) {
  const response = await request(`/v1/stream?${query}`, {
    headers: lastEventId === undefined ? {} : { "last-event-id": lastEventId },
  });
  expect([response.status, response.headers.get("content-type")]).toEqual([200, "text/event-stream"]);
  const told: Told[] = [];
  const reader = response.body!.getReader();
  const reading = (async () => {
    const decoder = new TextDecoder();
    let text = "";
    for (;;) {
      const { done, value } = await reader.read().catch(() => ({ done: true, value: undefined })); // it was closed
      if (done) return;
      text += decoder.decode(value, { stream: true });
      const blocks = text.split("\n\n");
      text = blocks.pop()!;
      for (const block of blocks) {
        const fields = new Map(block.split("\n").map((line) => line.split(/: (.*)/s) as [string, string]));
        if (fields.has("event"))
          told.push({ event: fields.get("event")!, data: JSON.parse(fields.get("data")!), id: fields.get("id") });
      }
    }
  })();
  const of = (event: string) => told.filter((one) => one.event === event).map(({ data }) => data);
  await until(async () => of("ready").length > 0, "a stream that is ready");
  return {
    told,
    of,
    reading,
    lastId: () => told.findLast(({ id }) => id !== undefined)?.id,
    when: (isSo: () => boolean, what: string) => until(async () => isSo(), what),
    close: () => reader.cancel(),
  };
}

const asleep = async () =>
  runWhen(
    await send({ name: "local/sleep", data: { ms: 3_600_000, key: crypto.randomUUID() } }),
    ({ steps }) => steps.some(({ status }) => status === "sleeping"),
    "a run that sleeps",
  );

describe("a run that is watched", () => {
  it("tells how it stands, then each step as it ends, in order, then its end", async () => {
    const { run_id: id } = await asleep();
    const stream = await watch(`run=${id}`);
    expect(stream.of("run")).toMatchObject([{ run_id: id, status: "Running", ended_at: null }]);
    expect(stream.of("step")).toEqual([]);
    await post(`/v1/runs/${id}/wake`, {});
    await stream.when(() => stream.of("run").at(-1).ended_at !== null, "the end of the run");
    const steps = stream.of("step");
    expect(steps[0]).toMatchObject({ run_id: id, kind: "sleep", status: "completed" });
    expect(steps.map(({ position }) => position)).toEqual(
      steps.map(({ position }) => position).toSorted((a, b) => a - b),
    );
    expect(stream.of("run").at(-1)).toMatchObject({ run_id: id, status: "Completed" });
    await stream.close();
  });

  it("is told to all who watch it, and to nobody else", async () => {
    const [one, other] = [await asleep(), await asleep()];
    const streams = [await watch(`run=${one.run_id}`), await watch(`run=${one.run_id}`)];
    const apart = await watch(`run=${other.run_id}`);
    await request(`/v1/runs/${one.run_id}`, { method: "DELETE" });
    for (const stream of streams)
      await stream.when(() => stream.of("run").at(-1).status === "Cancelled", "a run that is cancelled");
    expect(apart.of("run")).toHaveLength(1);
    for (const stream of [...streams, apart]) await stream.close();
  });

  it("404 for an unknown run, 400 for what is none, and nothing is created by asking", async () => {
    await asleep();
    const before = await objectIds();
    const unknown = eventUlid({ timeMs: Date.now(), entropy: crypto.getRandomValues(new Uint8Array(10)) }, 1);
    expect(await json(`/v1/stream?run=${unknown}`)).toMatchObject({ status: 404, body: { code: "not_found" } });
    expect((await json("/v1/stream?run=x")).body.error).toBe('run: must be the id of a run, not "x"');
    expect(await objectIds()).toEqual(before);
  });
});

/** An event for a log of its own choice: the first byte of its seed chooses the shard. */
async function sendToShard(shard: number, name: string): Promise<string> {
  const entropy = crypto.getRandomValues(new Uint8Array(10)).with(0, shard);
  const seed = `${Date.now()},${btoa(String.fromCharCode(...entropy))}`;
  const { body } = await post("/e/key", { name, data: {} }, { "x-inngest-event-id-seed": seed });
  return body.ids[0];
}

describe("lists that are watched", () => {
  it("a log that is new while somebody watches is followed: its first change may be that all is to be read anew", async () => {
    const stream = await watch("topics=events");
    const told = () => new Set(stream.of("event").map(({ internal_id: id }) => id));
    const sent = Array.from({ length: LOG_SHARDS }, (): string[] => []);
    await until(async () => {
      for (const [shard, ids] of sent.entries())
        if (!ids.some((id) => told().has(id))) ids.push(await sendToShard(shard, "stream/new"));
      return sent.every((ids) => ids.some((id) => told().has(id)));
    }, "an event of each log");
    const areMissed = sent.some(([first]) => !told().has(first!));
    expect(areMissed && stream.of("reset").length === 0, "missed, and nobody says so").toBe(false);
    await stream.close();
  });
});

describe("lists that are watched, of logs that are there", () => {
  beforeAll(async () => {
    for (let shard = 0; shard < LOG_SHARDS; shard++) await sendToShard(shard, "stream/shard");
  });

  it("runs and events are told as they come, events without what is in them", async () => {
    const stream = await watch("topics=runs,events");
    const [id] = await sendAll([{ name: "local/no-steps", data: { n: 1, secret: "s3cret" } }]);
    await outputOf(id!);
    await stream.when(() => stream.of("run").some(({ event_id: of }) => of === id), "the run of the event");
    const event = stream.of("event").find(({ internal_id: of }) => of === id);
    expect(event).toEqual({
      internal_id: id,
      name: "local/no-steps",
      ts: expect.any(Number),
      received_at: expect.stringMatching(/Z$/),
    });
    const run = stream.of("run").findLast(({ event_id: of }) => of === id);
    expect(run).toMatchObject({
      function_slug: "local-no-steps",
      app_id: "local",
      event_name: "local/no-steps",
      status: "Completed",
      ended_at: expect.any(String),
    });
    expect(JSON.stringify(stream.told)).not.toContain("s3cret");
    await stream.close();
  });

  it.each([
    ["function_id=local-no-steps", ["local-no-steps"]],
    ["app_id=local&function_id=no-steps", ["local-no-steps"]],
    ["app_id=local", ["local-no-steps", "local-sleep"]],
    ["app_id=other", []],
    ["status=FAILED", []],
  ])("?topics=runs&%s narrows them", async (filter, slugs) => {
    const [all, some] = [await watch("topics=runs"), await watch(`topics=runs&${filter}`)];
    const { run_id: sleeper } = await asleep();
    const id = await send({ name: "local/no-steps", data: { n: 2 } });
    await outputOf(id);
    const has = (stream: typeof all, of: string) =>
      stream.of("run").some(({ event_id, run_id }) => event_id === of || run_id === of);
    await all.when(() => has(all, id) && has(all, sleeper), "all runs");
    // what was wanted has come when the next of it does
    if (slugs.length > 0)
      await some.when(() => slugs.every((slug) => some.of("run").some((run) => run.function_slug === slug)), filter);
    expect(new Set(some.of("run").map((run) => run.function_slug))).toEqual(new Set(slugs));
    for (const stream of [all, some]) await stream.close();
  });

  it("apps and lines are told by name: what has changed is read", async () => {
    const stream = await watch("topics=apps,lines");
    await post("/v1/functions/local-no-steps/pause", { triggers: "hold", running: "continue" });
    await post("/v1/functions/local-no-steps/resume", {});
    await stream.when(() => stream.of("change").some(({ topic }) => topic === "apps"), "a change of apps");
    await asleep();
    await stream.when(() => stream.of("change").some(({ topic }) => topic === "lines"), "a change of lines");
    expect(stream.of("run")).toEqual([]);
    await stream.close();
  });

  it("Last-Event-ID goes on where a reader was", async () => {
    const first = await watch("topics=events");
    const [seen] = await sendAll([{ name: "stream/seen", data: {} }]);
    await first.when(() => first.of("event").some(({ internal_id: id }) => id === seen), "the first event");
    await first.close();
    const [missed] = await sendAll([{ name: "stream/missed", data: {} }]);
    const next = await watch("topics=events", first.lastId());
    await next.when(() => next.of("event").some(({ internal_id: id }) => id === missed), "what was missed");
    expect(next.of("event").some(({ internal_id: id }) => id === seen)).toBe(false);
    expect(next.of("reset")).toEqual([]);
    await next.close();
  });

  it.each(["registry=x.1", "nonsense", "=,=,", `2020-01-01.0=${"9".repeat(5_000)}`])(
    "a Last-Event-ID that is not known, %.30s, is none or a reset",
    async (id) => {
      const stream = await watch("topics=events", id);
      const [sent] = await sendAll([{ name: "stream/after", data: {} }]);
      await stream.when(() => stream.of("event").some(({ internal_id: of }) => of === sent), "the next event");
      await stream.close();
    },
  );

  it("ends when the objects die, and a reader that comes again is told to read anew", async () => {
    const stream = await watch("topics=runs");
    await abortAllDurableObjects();
    await stream.reading;
    const next = await watch("topics=runs", stream.lastId());
    await next.when(() => next.of("reset").length > 0, "word that something may have been missed");
    const id = await send({ name: "local/no-steps", data: { n: 3 } });
    await next.when(() => next.of("run").some(({ event_id: of }) => of === id), "the next run");
    await next.close();
  });

  it.each([
    ["", "topics: "],
    ["topics=runs,cats", "topics"],
    ["topics=runs&status=BUSY", "status"],
  ])("?%s is 400 and names the field", async (query, message) => {
    const { status, body } = await json(`/v1/stream?${query}`);
    expect({ status, isNamed: body.error.includes(message) }).toEqual({ status: 400, isNamed: true });
  });

  it("a reader that does not read is not written to without end", async () => {
    const response = await request("/v1/stream?topics=events");
    const reader = response.body!.getReader();
    await reader.read();
    const flood = Array.from({ length: 300 }, (_, n) => ({ name: "stream/flood", data: { n } }));
    await sendAll(flood);
    await sendAll(flood);
    const decoder = new TextDecoder();
    let text = "";
    await until(async () => {
      const { value } = await reader.read();
      text += decoder.decode(value);
      return text.includes("event: reset");
    }, "word that it must read anew");
    expect(text.length).toBeLessThan(200_000);
    await reader.cancel();
  });

  it("there are so many streams and no more, and one that is closed makes room", async () => {
    const open: Awaited<ReturnType<typeof request>>[] = [];
    try {
      for (let n = 0; n < STREAMS_MAX; n++) open.push(await request("/v1/stream?topics=apps"));
      const refused = open.findIndex(({ status }) => status !== 200);
      expect(refused).toBe(-1);
      expect(await json("/v1/stream?topics=apps")).toMatchObject({ status: 503, body: { code: "too_many_streams" } });
      await open.pop()!.body!.cancel();
      const next = await request("/v1/stream?topics=apps");
      expect(next.status).toBe(200);
      open.push(next);
    } finally {
      for (const { body } of open) await body?.cancel();
    }
  });
});
