/** Enters a handler anew over the results that its steps had, and tells which steps it asks for. No step is carried out. */
import type { SettledMemo } from "../protocol/call.ts";
import type { Inngest } from "../sdk/client.ts";
import type { ReceivedEvent } from "../sdk/event.ts";
import type { FoundStep, Reporter } from "../sdk/execute.ts";
import type { Registration } from "../sdk/function.ts";
import { Chain } from "../sdk/middleware/chain.ts";
import { RunContext } from "../sdk/run-context.ts";
import type { RunHost } from "../sdk/run-host.ts";
import type { AskedStep, ReplayResult } from "./determinism.ts";
import { realNow, realPause, realTurn } from "./host/turns.ts";

export interface ReplayOptions {
  registration: Registration;
  client: Inngest;
  runId: string;
  attempt: number;
  events: readonly ReceivedEvent[];
  memos: ReadonlyMap<string, SettledMemo>;
  handler: RunHost["handler"];
  now: () => number;
}

/** How long a handler may wait for something that is no step, in real time. */
const PATIENCE_MS = 500;
/** Turns after which a handler that waits for steps is taken to wait for nothing else. */
const QUIET_TURNS = 4;
/** Turns of the event loop without a pause. */
const EAGER_TURNS = 200;

export async function replay(options: ReplayOptions): Promise<ReplayResult> {
  const { registration, client, runId, attempt, events, memos, handler, now } = options;
  const recorder = new Recorder(memos);
  const run = new RunContext(
    {
      registration,
      client,
      runId,
      events,
      attempt,
      maxAttempts: registration.retry.maxAttempts,
      isFirst: false,
      memoCount: memos.size,
      memos: () => memos,
      chain: Chain.open(client, registration.fn.middleware),
      host: {
        handler,
        now,
        turns: () => ({ next: realTurn, close: () => undefined }),
        // nothing leaves a replay
        send: async (_run, sent) => ({ ids: sent.map((event, index) => event.id ?? `replayed-${index}`) }),
      },
    },
    recorder,
  );
  let end: ReplayResult["end"] | undefined;
  void run.start().then(() => (end ??= "ended"));
  void recorder.waits.then(() => (end ??= "waits"));
  let since = realNow();
  let looks = 0;
  for (let turns = 0; end === undefined; turns++) {
    await (turns < EAGER_TURNS ? realTurn() : realPause(1));
    if (recorder.looks !== looks) [looks, since, turns] = [recorder.looks, realNow(), 0];
    else if (realNow() - since > PATIENCE_MS) end ??= "unknown";
  }
  run.execution.stop();
  return { asked: new Map(recorder.asked), end };
}

class Recorder implements Reporter {
  readonly asked = new Map<string, AskedStep>();
  /** settles when the handler waits for steps without a result */
  readonly waits: Promise<"waits">;
  readonly #memos: ReadonlyMap<string, SettledMemo>;
  #hasOpen = false;
  /** steps reached so far */
  looks = 0;
  #rest: () => void = () => undefined;

  constructor(memos: ReadonlyMap<string, SettledMemo>) {
    this.#memos = memos;
    this.waits = new Promise((resolve) => {
      this.#rest = () => resolve("waits");
    });
  }

  memo({ id, userId, type }: FoundStep): SettledMemo | undefined {
    this.asked.set(id, { id, userId, type });
    this.looks += 1;
    return this.#memos.get(id);
  }

  found(): void {
    this.#hasOpen = true;
  }

  idle(): void {
    if (this.#hasOpen) void this.#restIfQuiet(this.looks);
  }

  async #restIfQuiet(looks: number): Promise<void> {
    for (let turn = 0; turn < QUIET_TURNS; turn++) await realTurn();
    if (looks === this.looks) this.#rest();
  }
}
