/** `useRealtime` in a component, over sockets that the test speaks through. */
import { useRealtime as theirs } from "inngest-v4/react";
import { createElement } from "react";
import { act, create, type ReactTestRenderer } from "react-test-renderer";
import { afterEach, beforeEach, describe, expect, expectTypeOf, it, test, vi } from "vitest";
import { useRealtime, type UseRealtimeOptions, type UseRealtimeResult } from "../../src/react/index.ts";
import { channel, staticSchema } from "../../src/sdk/realtime/index.ts";

const chat = channel({
  name: "chat",
  topics: { messages: { schema: staticSchema<{ n: number }>() }, typing: { schema: staticSchema<{ by: string }>() } },
});
const token = { key: "k", apiBaseUrl: "https://platform.test" };

class FakeSocket extends EventTarget {
  readonly url: string;
  closed: string | undefined;

  constructor(url: string) {
    super();
    this.url = url;
    sockets.push(this);
    queueMicrotask(() => this.dispatchEvent(new Event(refusals-- > 0 ? "error" : "open")));
  }
  close(_code?: number, reason?: string) {
    this.closed = reason;
  }
  say(frame: object) {
    const data = JSON.stringify({ channel: "chat", created_at: "2026-01-01T00:00:00Z", ...frame });
    this.dispatchEvent(new MessageEvent("message", { data }));
  }
  hangUp() {
    this.dispatchEvent(new Event("close"));
  }
}

const sockets: FakeSocket[] = [];
let refusals = 0;
let rendered: ReactTestRenderer | undefined;
let result: UseRealtimeResult<typeof chat, readonly ["messages", "typing"]>;

beforeEach(() => {
  vi.useFakeTimers();
  vi.stubGlobal("WebSocket", FakeSocket);
  vi.stubGlobal("IS_REACT_ACT_ENVIRONMENT", true);
  const { error } = console; // this renderer says of itself that it is old
  vi.spyOn(console, "error").mockImplementation((...said) => {
    if (!String(said[0]).includes("react-test-renderer is deprecated")) error(...said);
  });
});
afterEach(async () => {
  await act(async () => rendered?.unmount());
  rendered = undefined;
  sockets.length = 0;
  refusals = 0;
  vi.unstubAllGlobals();
  vi.restoreAllMocks();
  vi.useRealTimers();
});

type Options = UseRealtimeOptions<typeof chat, readonly ["messages", "typing"]>;

function Shown({ options }: { options: Options }): null {
  result = useRealtime(options);
  return null;
}

/** Renders the component, or renders it anew, and lets happen what happens at once. */
async function show(options: Options = {}): Promise<void> {
  const element = createElement(Shown, {
    options: { channel: chat, topics: ["messages", "typing"], token, ...options },
  });
  await act(async () => {
    if (rendered) rendered.update(element);
    else rendered = create(element);
    await settle();
  });
}

async function settle(): Promise<void> {
  for (let turn = 0; turn < 20; turn++) await Promise.resolve();
}

async function passing(ms: number): Promise<void> {
  await act(async () => {
    await vi.advanceTimersByTimeAsync(ms);
    await settle();
  });
}

async function said(...frames: object[]): Promise<void> {
  await act(async () => {
    for (const frame of frames) sockets.at(-1)?.say({ kind: "data", topic: "messages", ...frame });
    await settle();
  });
}

async function hangUp(): Promise<void> {
  await act(async () => {
    sockets.at(-1)?.hangUp();
    await settle();
  });
}

const numbers = (messages: readonly { data: unknown }[]) => messages.map(({ data }) => (data as { n: number }).n);

describe("useRealtime", () => {
  it("connects when it is mounted, shows messages as they come, and leaves when it is unmounted", async () => {
    await show();
    expect(sockets.map(({ url }) => url)).toEqual(["wss://platform.test/v1/realtime/connect?token=k"]);
    expect(result).toMatchObject({ connectionStatus: "open", runStatus: "running", isPaused: false, error: null });
    await said({ data: { n: 1 } }, { data: { n: 2 } }, { topic: "typing", data: { by: "ada" } });
    expect(numbers(result.messages.all.slice(0, 2))).toEqual([1, 2]);
    expect(result.messages.last).toMatchObject({ topic: "typing", data: { by: "ada" } });
    expect(result.messages.byTopic.messages?.data).toEqual({ n: 2 });
    await act(async () => rendered?.unmount());
    expect(sockets[0]?.closed).toBeDefined();
  });

  it("keeps as many messages as it is told", async () => {
    await show({ historyLimit: 2 });
    await said(...[1, 2, 3].map((n) => ({ data: { n } })));
    expect(numbers(result.messages.all)).toEqual([2, 3]);
    await act(async () => result.reset());
    expect(result.messages).toEqual({ all: [], delta: [], last: null, byTopic: {} });
  });

  it("collects messages for a while when it is told so", async () => {
    await show({ bufferInterval: 100 });
    await said({ data: { n: 1 } }, { data: { n: 2 } });
    expect(result.messages.all).toEqual([]);
    await passing(100);
    expect([numbers(result.messages.all), numbers(result.messages.delta)]).toEqual([
      [1, 2],
      [1, 2],
    ]);
    await said({ data: { n: 3 } });
    await passing(100);
    expect([numbers(result.messages.all), numbers(result.messages.delta)]).toEqual([[1, 2, 3], [3]]);
  });

  it("connects again when the connection ends, after pauses that grow, with a new token each time", async () => {
    vi.spyOn(Math, "random").mockReturnValue(0);
    let tokens = 0;
    const ask = async () => ({ ...token, key: `k${++tokens}` });
    await show({ token: ask });
    await said({ data: { n: 1 } });
    await hangUp();
    expect(result.connectionStatus).toBe("closed");
    refusals = 2;
    await passing(250);
    expect(result).toMatchObject({ connectionStatus: "error", error: { name: "RealtimeError" } });
    await passing(499);
    expect(sockets).toHaveLength(2);
    await passing(1);
    await passing(1000);
    expect(result).toMatchObject({ connectionStatus: "open", error: null });
    expect(sockets.map(({ url }) => url.slice(-2))).toEqual(["k1", "k2", "k3", "k4"]);
    expect(numbers(result.messages.all)).toEqual([1]);
  });

  it("stays away when it is told not to come back", async () => {
    await show({ reconnect: false });
    await hangUp();
    await passing(60_000);
    expect([result.connectionStatus, sockets.length]).toEqual(["closed", 1]);
  });

  it.each([
    [{ status: "COMPLETED", output: { total: 5 } }, "completed", { total: 5 }],
    [{ runStatus: "failed", result: "why" }, "failed", "why"],
    [{ state: "canceled" }, "cancelled", undefined],
  ])("the run's own message %j ends the connection", async (data, runStatus, output) => {
    await show();
    await said({ kind: "run", topic: undefined, data });
    expect(result).toMatchObject({ runStatus, connectionStatus: "closed" });
    expect(result.result).toEqual(output);
    expect(result.messages.all).toEqual([]);
    await passing(60_000);
    expect(sockets).toHaveLength(1);
  });

  it("is paused while it is disabled, and goes on with what it has", async () => {
    await show();
    await said({ data: { n: 1 } });
    await show({ enabled: false });
    expect(result).toMatchObject({ connectionStatus: "paused", isPaused: true, pauseReason: "disabled" });
    expect(sockets[0]?.closed).toBeDefined();
    await show({ enabled: true });
    expect([result.connectionStatus, result.pauseReason, sockets.length]).toEqual(["open", null, 2]);
    expect(numbers(result.messages.all)).toEqual([1]);
  });

  it("is paused while the page is hidden, unless it is told otherwise", async () => {
    const page = Object.assign(new EventTarget(), { visibilityState: "visible" });
    vi.stubGlobal("document", page);
    const turn = (visibilityState: string) =>
      act(async () => {
        page.visibilityState = visibilityState;
        page.dispatchEvent(new Event("visibilitychange"));
        await settle();
      });
    await show();
    await turn("hidden");
    expect(result).toMatchObject({ connectionStatus: "paused", pauseReason: "hidden" });
    await turn("visible");
    expect([result.connectionStatus, sockets.length]).toEqual(["open", 2]);
    await show({ pauseOnHidden: false });
    await turn("hidden");
    expect([result.connectionStatus, sockets.length]).toEqual(["open", 2]);
  });

  it("another key begins anew; the same options in other objects do not", async () => {
    await show({ key: "a" });
    await said({ data: { n: 1 } });
    await show({ key: "a", token: { ...token } });
    expect([sockets.length, result.messages.all.length]).toEqual([1, 1]);
    await show({ key: "b" });
    expect([sockets.length, result.messages.all.length]).toEqual([2, 0]);
  });

  it("says what it lacks", async () => {
    await show({ token: undefined, reconnect: false });
    expect(result).toMatchObject({ connectionStatus: "error", error: { message: expect.stringContaining("token") } });
    await show({ token: async () => "k", channel: undefined, reconnect: false });
    expect(result.error?.message).toContain("channel and topics");
  });

  it("a key alone connects to the page's own origin", async () => {
    vi.stubGlobal("location", { origin: "https://app.test" });
    await show({ token: async () => "abc" });
    expect(sockets[0]?.url).toBe("wss://app.test/v1/realtime/connect?token=abc");
  });
});

describe("types", () => {
  test("messages are those of the topics, as with Inngest's hook", () => {
    const isExecuted: boolean = false;
    if (!isExecuted) return;
    const own = useRealtime({ channel: chat, topics: ["messages"], token });
    const other = theirs({ channel: chat, topics: ["messages"] as const, token });
    if (own.messages.last?.kind === "data") expectTypeOf(own.messages.last.data).toEqualTypeOf<{ n: number }>();
    expectTypeOf(own.messages.byTopic.messages?.topic).toEqualTypeOf<"messages" | undefined>();
    expectTypeOf<keyof typeof own>().toEqualTypeOf<keyof typeof other>();
    expectTypeOf(own.connectionStatus).toEqualTypeOf<typeof other.connectionStatus>();
    expectTypeOf(own.runStatus).toEqualTypeOf<typeof other.runStatus>();
    expectTypeOf<keyof UseRealtimeOptions>().toEqualTypeOf<keyof NonNullable<Parameters<typeof theirs>[0]>>();
  });
});
