/**
 * The runtime with nothing in it, on the platform's own configuration: its objects, each with one table, and its queue.
 * What it takes here no engine can undercut.
 */
import { DurableObject, env, exports } from "cloudflare:workers";
import type { Mark } from "../functions.ts";

const LOGS = 4;

class Plain extends DurableObject {
  #isMade = false;

  ping(): number {
    return 1;
  }

  /** One commit, whatever the number of rows. */
  insert(text: string, rows = 1): number {
    const { sql } = this.ctx.storage;
    if (!this.#isMade) sql.exec("CREATE TABLE IF NOT EXISTS t (id INTEGER PRIMARY KEY, text TEXT NOT NULL)");
    this.#isMade = true;
    for (let i = 0; i < rows; i++) sql.exec("INSERT INTO t (text) VALUES (?)", text);
    return rows;
  }

  /** @returns milliseconds per row that is on the disk before the next is written */
  commits(times: number): Promise<number> {
    return timed(times, () => {
      this.insert("x");
      return this.ctx.storage.sync();
    });
  }

  /** @returns milliseconds per row with a turn of the event loop after it, in which the runtime may commit */
  turns(times: number): Promise<number> {
    return timed(times, () => {
      this.insert("x");
      return new Response("turn").text();
    });
  }
}

export {
  Plain as ChannelDO,
  Plain as ConcurrencyDO,
  Plain as ConnectDO,
  Plain as EventDO,
  Plain as HistoryDO,
  Plain as RegistryDO,
  Plain as StepDO,
};

interface Message {
  mark?: { scope: string; key: string };
  /** when it was sent */
  hopAt?: number;
}

let marks: Mark[] = [];
/** milliseconds of each hop through the queue */
let hops: number[] = [];
let requests = 0;

const plain = (name: string) =>
  (exports as unknown as { StepDO: DurableObjectNamespace<Plain> }).StepDO.getByName(name);
const queue = (): Queue<Message> => Reflect.get(env, "INNGEST_EVENTS");

/** Operations of one kind, one after the other, by the name in the path. Each answers with milliseconds per operation. */
const loops: Record<string, (times: number, url: URL) => Promise<number>> = {
  rpc: (times) => timed(times, () => plain("loop").ping()),
  insert: (times) => timed(times, () => plain("loop").insert("x")),
  new: (times) => timed(times, () => plain(crypto.randomUUID()).insert("x")),
  commit: (times) => plain("loop").commits(times),
  turn: (times) => plain("loop").turns(times),
  queue: async (times) => {
    hops = [];
    for (let i = 0; i < times; i++) {
      await queue().send({ hopAt: Date.now() }, { contentType: "json" });
      while (hops.length <= i) await scheduler.wait(1);
    }
    return hops.reduce((total, hop) => total + hop, 0) / times; // whole milliseconds each; the mean is exact
  },
  call: (times, url) =>
    timed(times, async () => {
      await (await fetch(url.searchParams.get("to") ?? "", { method: "POST", body: '{"n":1}' })).text();
    }),
};

async function timed(times: number, act: () => Promise<unknown>): Promise<number> {
  const startedAt = Date.now();
  for (let i = 0; i < times; i++) await act();
  return (Date.now() - startedAt) / times;
}

const handler: ExportedHandler<Cloudflare.Env, Message> = {
  async fetch(request) {
    const url = new URL(request.url);
    const [, what = "", name = "", times] = url.pathname.split("/");
    switch (what) {
      case "insert":
        return Response.json(await plain(`log-${requests++ % LOGS}`).insert(await request.text(), Number(name || 1)));
      case "new":
        return Response.json(await plain(crypto.randomUUID()).insert("x"));
      case "e": {
        // the shortest way of an event that keeps its promises: log, answer; queue, consumer, object of the run
        const { data } = (await request.json()) as { data: { scope: string; key: string } };
        await plain(`log-${requests++ % LOGS}`).insert(JSON.stringify(data));
        await queue().send({ mark: data }, { contentType: "json" });
        return Response.json({ ids: [data.key] });
      }
      case "bench": {
        const taken = marks;
        marks = [];
        return Response.json(taken);
      }
      case "loop":
        return Response.json(await loops[name]?.(Number(times), url));
      default:
        return new Response("ok");
    }
  },
  async queue(batch) {
    for (const { body } of batch.messages) {
      if (body.hopAt !== undefined) hops.push(Date.now() - body.hopAt);
      if (!body.mark) continue;
      await plain(`run-${body.mark.key}`).insert("x");
      marks.push({ ...body.mark, at: Date.now() });
    }
  },
  async scheduled() {},
};

export default handler;
