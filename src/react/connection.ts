import { subscribe } from "../sdk/realtime/subscribe.ts";
import type { Realtime } from "../sdk/realtime/types.ts";

export type UseRealtimeConnectionStatus = "idle" | "connecting" | "open" | "paused" | "closed" | "error";
export type UseRealtimeRunStatus = "unknown" | "running" | "completed" | "failed" | "cancelled";
export type PauseReason = "hidden" | "disabled" | null;

export type ClientSubscriptionToken = Realtime.Subscribe.ClientToken;
/** What may be given as token: a key alone, with its place, or with channel and topics. */
export type TokenInput = string | ClientSubscriptionToken | Realtime.Subscribe.Token;

/** All that a component shows. Never changed in place. */
export interface Snapshot {
  connectionStatus: UseRealtimeConnectionStatus;
  pauseReason: PauseReason;
  runStatus: UseRealtimeRunStatus;
  result: unknown;
  error: Error | null;
  byTopic: Readonly<Record<string, Realtime.Message | undefined>>;
  all: readonly Realtime.Message[];
  last: Realtime.Message | null;
  delta: readonly Realtime.Message[];
}

/** What a connection is made of, read at each attempt. */
export interface ConnectionOptions {
  channel?: Realtime.ChannelInput;
  topics?: readonly string[];
  token?: TokenInput | (() => Promise<TokenInput>);
  validate?: boolean;
  apiBaseUrl?: string;
  historyLimit: number | null;
  reconnect: boolean;
  reconnectMinMs: number;
  reconnectMaxMs: number;
  autoCloseOnTerminal: boolean;
}

const NOTHING: Omit<Snapshot, "connectionStatus" | "pauseReason"> = {
  runStatus: "unknown",
  result: undefined,
  error: null,
  byTopic: {},
  all: [],
  last: null,
  delta: [],
};

/** How run messages spell a status. */
const RUN_STATUS: Readonly<Record<string, UseRealtimeRunStatus>> = {
  running: "running",
  in_progress: "running",
  completed: "completed",
  complete: "completed",
  succeeded: "completed",
  success: "completed",
  failed: "failed",
  error: "failed",
  cancelled: "cancelled",
  canceled: "cancelled",
};

const TERMINAL: readonly UseRealtimeRunStatus[] = ["completed", "failed", "cancelled"];

/** One subscription of a component and what came of it, over as many connections as it takes. Knows nothing of React. */
export class RealtimeConnection {
  readonly #listeners = new Set<() => void>();
  #snapshot: Snapshot = { ...NOTHING, connectionStatus: "idle", pauseReason: null };
  #buffer: Realtime.Message[] = [];
  #bufferMs = 0;
  #historyLimit: number | null = null;

  readonly onChange = (listener: () => void): (() => void) => {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  };

  readonly snapshot = (): Snapshot => this.#snapshot;

  /** Forgets what has come. */
  readonly reset = (): void => {
    this.#buffer = [];
    this.#set(NOTHING);
  };

  /** Hands messages over in groups, so often; at once for 0. @returns what ends that */
  bufferEvery(ms: number): () => void {
    this.#bufferMs = ms;
    this.#flush();
    if (ms <= 0) return () => {};
    const timer = setInterval(() => this.#flush(), ms);
    return () => clearInterval(timer);
  }

  pause(reason: PauseReason): void {
    this.#set({ connectionStatus: "paused", pauseReason: reason });
  }

  /** Connects, and connects again, until the function returned is called. */
  run(options: () => ConnectionOptions): () => void {
    const life = new AbortController();
    this.#set({ pauseReason: null });
    void this.#live(options, life.signal);
    return () => {
      life.abort();
      this.#flush();
      if (this.#snapshot.connectionStatus === "open") this.#set({ connectionStatus: "closed" });
    };
  }

  async #live(options: () => ConnectionOptions, life: AbortSignal): Promise<void> {
    for (let attempt = 0; ; attempt++) {
      const { reconnect, reconnectMinMs, reconnectMaxMs, autoCloseOnTerminal } = options();
      try {
        this.#set({ error: null, connectionStatus: "connecting" });
        await this.#connectOnce(options, life, () => (attempt = 0));
        if (!life.aborted) this.#set({ connectionStatus: "closed" });
      } catch (error) {
        if (!life.aborted) this.#set({ error: asError(error), connectionStatus: "error" });
      }
      if (life.aborted || !reconnect || (autoCloseOnTerminal && this.#isTerminal)) return;
      await pause(backoffMs(attempt, reconnectMinMs, reconnectMaxMs), life);
      if (life.aborted) return;
    }
  }

  /** Resolves with the end of the connection. */
  async #connectOnce(options: () => ConnectionOptions, life: AbortSignal, opened: () => void): Promise<void> {
    const token = await tokenOf(options());
    if (life.aborted) return;
    const { validate, apiBaseUrl, historyLimit, autoCloseOnTerminal } = options();
    this.#historyLimit = historyLimit;
    const stream = await subscribe({ ...token, validate, apiBaseUrl: apiBaseUrl ?? token.apiBaseUrl });
    const leave = () => stream.close("the component has left");
    if (life.aborted) return leave();
    life.addEventListener("abort", leave, { once: true });
    opened();
    this.#set({ connectionStatus: "open" });
    this.#isRunning();
    try {
      const reader = stream.getReader();
      for (;;) {
        const { done, value } = await reader.read();
        if (done || life.aborted) return;
        this.#take(value as Realtime.Message); // of whatever channel
        if (autoCloseOnTerminal && this.#isTerminal) return stream.close("the run has ended");
      }
    } finally {
      life.removeEventListener("abort", leave);
      this.#flush();
    }
  }

  #take(message: Realtime.Message): void {
    if (message.kind === "run") return this.#set(runUpdate(message.data));
    this.#isRunning();
    this.#set({ byTopic: { ...this.#snapshot.byTopic, [message.topic]: message } });
    this.#buffer.push(message);
    if (this.#bufferMs <= 0) this.#flush();
  }

  #flush(): void {
    const delta = this.#buffer;
    if (delta.length === 0) return;
    this.#buffer = [];
    const all = [...this.#snapshot.all, ...delta];
    const limit = this.#historyLimit;
    this.#set({ delta, last: delta.at(-1) ?? null, all: limit === null ? all : limit <= 0 ? [] : all.slice(-limit) });
  }

  /** Somebody speaks on the channel: there is a run, unless it has said otherwise. */
  #isRunning(): void {
    if (this.#snapshot.runStatus === "unknown") this.#set({ runStatus: "running" });
  }

  get #isTerminal(): boolean {
    return TERMINAL.includes(this.#snapshot.runStatus);
  }

  #set(change: Partial<Snapshot>): void {
    const current: Partial<Record<string, unknown>> = { ...this.#snapshot };
    if (Object.entries(change).every(([key, value]) => Object.is(current[key], value))) return;
    this.#snapshot = { ...this.#snapshot, ...change };
    for (const listener of this.#listeners) listener();
  }
}

/** Channel, topics and key, from whatever was given. @throws Error that says what is missing */
async function tokenOf({ channel, topics, token: given }: ConnectionOptions): Promise<Realtime.Subscribe.Token> {
  const token = typeof given === "function" ? await given() : given;
  if (token === undefined) throw new Error("useRealtime: token: give one, or a function that gets one");
  if (typeof token === "object" && "channel" in token && "topics" in token) return token;
  if (channel === undefined || topics === undefined)
    throw new Error("useRealtime: channel and topics: give them, since the token does not name them");
  const key = typeof token === "string" ? { key: token } : { key: token.key, apiBaseUrl: token.apiBaseUrl };
  return { channel, topics: [...topics], ...key };
}

/** What a run message says of its run. */
function runUpdate(data: unknown): Partial<Snapshot> {
  if (typeof data !== "object" || data === null) return {};
  const fields: Record<string, unknown> = { ...data };
  const status = [fields["runStatus"], fields["status"], fields["state"]]
    .map((value) => (typeof value === "string" ? RUN_STATUS[value.toLowerCase()] : undefined))
    .find((value) => value !== undefined);
  const runStatus = status === undefined ? {} : { runStatus: status };
  if ("result" in fields) return { ...runStatus, result: fields["result"] };
  if (status === "completed" && "output" in fields) return { ...runStatus, result: fields["output"] };
  return runStatus;
}

function backoffMs(attempt: number, minMs: number, maxMs: number): number {
  return Math.min(maxMs, minMs * 2 ** attempt + Math.floor(Math.random() * minMs));
}

function pause(ms: number, life: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, ms);
    life.addEventListener("abort", () => (clearTimeout(timer), resolve()), { once: true });
  });
}

function asError(error: unknown): Error {
  return error instanceof Error ? error : new Error(String(error));
}
