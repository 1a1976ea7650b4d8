/**
 * The runtime with nothing in it, on the platform's own configuration: its objects, each with one table, and its queue.
 * What it takes here no engine can undercut.
 */
import { DurableObject, env, exports } from "cloudflare:workers";
import { HELD_LIMIT, type Mark } from "../functions.ts";

const LOGS = 4;

/** An event of the benchmark, as far as the shortest way needs it. */
interface FloorEvent {
  name: string;
  data: { scope?: string; key: string; lane?: number; holdMs?: number };
}

class Plain extends DurableObject {
  #isMade = false;
  /** of a run that waits */
  #scope = "";
  /** of a key: who is in, and who comes next */
  #held = 0;
  readonly #line: (() => void)[] = [];

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

  /** A run that waits, with what it will tell. */
  wait(scope: string): void {
    this.#scope = scope;
    this.insert(scope);
  }

  /** The event that it waits for. @returns what to tell */
  resume(): string {
    this.insert("resumed");
    return this.#scope;
  }

  /** Resolves when a key has let its caller in. Nothing is asked again, and nobody is told: an engine does more. */
  async enter(limit: number): Promise<void> {
    this.insert("enters");
    if (this.#held < limit) this.#held += 1;
    else await new Promise<void>((resolve) => this.#line.push(resolve));
  }

  leave(): void {
    this.insert("leaves");
    const next = this.#line.shift();
    if (next) next();
    else this.#held -= 1;
  }

  /** A run of one step that holds a lease of its key meanwhile: a row as it starts and one as it ends. */
  async hold(lane: string, limit: number, holdMs: number): Promise<{ fromAt: number; at: number }> {
    this.insert("starts");
    await plain(lane).enter(limit);
    const fromAt = Date.now();
    await scheduler.wait(holdMs);
    const at = Date.now();
    this.insert("ends");
    await this.ctx.storage.sync();
    await plain(lane).leave();
    return { fromAt, at };
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
  events?: FloorEvent[];
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

/** What the object of an event's run does, and what is told of it. */
async function take({ name, data }: FloorEvent, context: ExecutionContext): Promise<void> {
  const { key, scope = "", lane, holdMs = 0 } = data;
  const run = plain(`run-${key}`);
  switch (name) {
    case "floor/waiter":
      return run.wait(scope);
    case "floor/answer":
      return tell({ scope: await run.resume(), key });
    case "floor/held":
      return context.waitUntil(
        run.hold(`lane-${lane}`, HELD_LIMIT, holdMs).then((held) => tell({ scope, key, ...held })),
      );
    default:
      await run.insert("x");
      return tell({ scope, key });
  }
}

function tell(mark: Pick<Mark, "scope" | "key"> & Partial<Mark>): void {
  const now = Date.now();
  marks.push({ fromAt: now, at: now, ...mark });
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
        const sent = await request.json<FloorEvent | FloorEvent[]>();
        const events = Array.isArray(sent) ? sent : [sent];
        await plain(`log-${requests++ % LOGS}`).insert(JSON.stringify(events), events.length);
        await queue().send({ events }, { contentType: "json" });
        return Response.json({ ids: events.map(({ data }) => data.key) });
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
  async queue(batch, _env, context) {
    const events = batch.messages.flatMap(({ body }) => body.events ?? []);
    for (const { body } of batch.messages) if (body.hopAt !== undefined) hops.push(Date.now() - body.hopAt);
    await Promise.all(events.map((event) => take(event, context)));
  },
  async scheduled() {},
};

export default handler;
