/**
 * The platform in this process with apps that are reached by the messages of Inngest's protocol, and say what a test wants:
 * scripts, or official clients. Apps reach the platform through its routes, as over a network. Time is virtual, and moves
 * when no app is at work.
 */
import { vi } from "vitest";
import { platformApp } from "../../src/app.ts";
import type { HttpTransport } from "../../src/durable-objects/transport.ts";
import { checkpointDoor } from "../../src/routes/checkpoint.ts";
import { HttpFunctions } from "../../src/transports/http.ts";
import type { PostRequest, PostResult } from "../../src/transports/post.ts";
import { registerBodySchema, type RegisteredFunction } from "../../src/protocol/function-config.ts";
import { callBodySchema, type CallBody } from "../../src/protocol/call.ts";
import { INNGEST_RETRY_POLICY, type RetryPolicy } from "../../src/protocol/retry-policy.ts";
import { noFaults, type FaultSource } from "../../src/testing/host/faults.ts";
import { realTurn } from "../../src/testing/host/turns.ts";
import { ENV, World } from "../../src/testing/host/world.ts";
import { frontDoor, type FrontDoor, type Looks, type PlatformHost } from "./front-door.ts";
import { seededRandom } from "./random.ts";
import { NOW } from "./run-builder.ts";

/** One call, as an app sees it. */
export interface AppCall {
  url: URL;
  headers: Headers;
  body: CallBody;
  /** how many calls there were before it */
  index: number;
}

export interface AppsWorldOptions {
  /** what the apps answer */
  answer: (call: AppCall, request: PostRequest) => Promise<PostResult> | PostResult;
  /** a durable endpoint, at any other URL */
  endpoint?: (request: Request) => Promise<Response>;
  faults?: FaultSource;
  choose?: (count: number) => number;
  seed?: number;
}

const APP_ORIGIN = "http://app.test";
const QUIET_TURNS = 10;
const LOOKS_MAX = 20_000;
const SETTINGS = { isDev: true, eventKeys: [], signingKeys: [], sdkUrls: [] };

/** As it was before anything watched it. */
const CRYPTOGRAPHY = (["digest", "importKey", "sign", "verify"] as const).map((method) => {
  const original = crypto.subtle[method].bind(crypto.subtle) as (...args: unknown[]) => Promise<never>;
  return [method, original] as const;
});

export class AppsWorld implements PlatformHost {
  readonly world: World;
  readonly door: FrontDoor;
  /** calls so far */
  readonly calls: AppCall[] = [];
  readonly #app: ReturnType<typeof platformApp>;
  readonly #checkpoints: ReturnType<typeof checkpointDoor>;
  /** apps that are at work, and cryptography */
  #busy = 0;

  constructor({ answer, endpoint, faults = noFaults, choose, seed = 1 }: AppsWorldOptions) {
    const http = new HttpFunctions({
      post: (request) =>
        endpoint && new URL(request.url).origin !== APP_ORIGIN
          ? this.atWork(() => enter(request, endpoint))
          : this.#post(request, answer),
      exchange: () => Promise.reject(new Error("no gateway is under test")),
      signingKey: () => null,
      isDev: () => true,
      now: () => this.world.clock.now,
    });
    const local = {
      has: () => false,
      activate: () => {
        throw new Error("no code is in this process");
      },
    };
    const noWorker = () => {
      throw new Error("no worker has dialled in");
    };
    this.world = new World({
      start: NOW,
      random: seededRandom(seed),
      choose,
      faults,
      transports: (life) => {
        const within: HttpTransport = {
          // a request leaves once what was written before it has taken effect
          call: (request) => life.within(this.world.turns.next()).then(() => life.within(http.call(request))),
          gateway: (request) => life.within(http.gateway(request)),
        };
        return { local, http: within, connect: { message: noWorker, read: noWorker } };
      },
    });
    this.#app = platformApp(this.world.objects(), ENV, () => SETTINGS);
    this.#checkpoints = checkpointDoor(this.world.objects(), () => SETTINGS);
    this.door = frontDoor(this);
    vi.spyOn(Date, "now").mockImplementation(() => this.world.clock.now);
    this.#watchCryptography();
  }

  /** It takes real time, in which nothing seems to happen. */
  #watchCryptography(): void {
    for (const [method, original] of CRYPTOGRAPHY)
      vi.spyOn(crypto.subtle, method).mockImplementation((...args: unknown[]) => this.atWork(() => original(...args)));
  }

  close(): void {
    vi.restoreAllMocks();
  }

  /** A function that an event of its own name starts. */
  async register(id: string, retry: RetryPolicy = INNGEST_RETRY_POLICY, sdk = "js:v4.24.0"): Promise<void> {
    const fn: RegisteredFunction = {
      id: `app-${id}`,
      name: id,
      appId: "app",
      version: 1,
      triggers: [{ event: id, expression: null }],
      crons: [],
      retry,
      transport: { kind: "http", url: `${APP_ORIGIN}/api/inngest?fnId=app-${id}&stepId=step` },
    };
    const sync = { appId: "app", url: null, sdk, framework: "test", functions: [fn], checksum: id };
    await this.during(this.world.objects().registry(ENV).sync(sync));
  }

  /** As an official client registers itself. */
  async registerApp(body: unknown): Promise<void> {
    const parsed = registerBodySchema.parse(body);
    const { status, body: answer } = await this.door.post("/fn/register", parsed);
    if (status !== 200) throw new Error(`the app was not registered: ${JSON.stringify(answer)}`);
  }

  /** A request of an app to the platform, while it is at work. */
  request(path: string, init?: RequestInit): Promise<Response> {
    return this.#answer(new Request(`http://localhost${path}`, init));
  }

  /** An app that takes its time. */
  async pause(ms: number): Promise<void> {
    this.#busy -= 1;
    await this.world.later(ms);
    this.#busy += 1;
  }

  async fetch(request: Request): Promise<Response> {
    return this.during(this.#answer(request));
  }

  /** As the Worker answers. */
  async #answer(request: Request): Promise<Response> {
    return this.#checkpoints(request) ?? this.#app.fetch(request);
  }

  async meanwhile({ count }: Looks): Promise<void> {
    if (count > LOOKS_MAX) throw new Error(`not within ${LOOKS_MAX} looks`);
    await this.#rest();
    if (count % 2 === 0 && !this.#moveOn()) throw new Error("nothing is left to happen");
  }

  /** Lets things happen, and time pass, until something is so. */
  async until(isSo: () => boolean, withinMs = 24 * 3_600_000): Promise<void> {
    const end = this.world.clock.now + withinMs;
    for (;;) {
      await this.#rest();
      if (isSo()) return;
      if (this.world.clock.now > end) throw new Error(`not within ${withinMs} ms`);
      if (!this.#moveOn()) throw new Error("nothing is left to happen");
    }
  }

  /** Lets happen what an answer needs. */
  async during<T>(answer: T | Promise<T>): Promise<T> {
    const work = Promise.resolve(answer);
    let isOver = false;
    const over = () => void (isOver = true);
    void work.then(over, over);
    for (;;) {
      await this.#rest(() => isOver);
      if (isOver) return work;
      if (!this.#moveOn()) throw new Error("no answer comes, and nothing is left to happen");
    }
  }

  async #post(request: PostRequest, answer: AppsWorldOptions["answer"]): Promise<PostResult> {
    const call: AppCall = {
      url: new URL(request.url),
      headers: new Headers(request.headers),
      body: callBodySchema.parse(JSON.parse(request.body)),
      index: this.calls.length,
    };
    this.calls.push(call);
    return this.atWork(() => answer(call, request));
  }

  /** Time stands still while an app is at work. */
  async atWork<T>(work: () => T | Promise<T>): Promise<T> {
    this.#busy += 1;
    try {
      return await work();
    } finally {
      this.#busy -= 1;
    }
  }

  async #rest(isOver: () => boolean = () => false): Promise<void> {
    const { world } = this;
    let seen = world.turns.count;
    for (let quiet = 0; quiet < QUIET_TURNS && !isOver(); quiet++) {
      await realTurn();
      if (this.#busy > 0 || !world.turns.areOver || world.turns.count !== seen || world.startDue()) quiet = 0;
      seen = world.turns.count;
    }
  }

  #moveOn(): boolean {
    const { clock } = this.world;
    const timer = clock.next();
    if (!timer) return false;
    clock.moveTo(Math.max(timer.at, clock.now));
    clock.fire(timer);
    return true;
  }
}

async function enter(
  { url, method, headers, body }: PostRequest,
  endpoint: (request: Request) => Promise<Response>,
): Promise<PostResult> {
  const isBodiless = method === "GET" || method === "HEAD";
  return answerOf(await endpoint(new Request(url, { method, headers, ...(isBodiless ? {} : { body }) })));
}

async function answerOf(response: Response): Promise<PostResult> {
  const headers = Object.fromEntries(response.headers);
  return { kind: "answered", status: response.status, headers, body: await response.text() };
}

/** An answer of an SDK: ops, or with 200 a result. */
export function answered(status: number, body: unknown, headers: Record<string, string> = {}): PostResult {
  return {
    kind: "answered",
    status,
    headers: { "x-inngest-sdk": "js:v4.24.0", "x-inngest-req-version": "2", ...headers },
    body: JSON.stringify(body),
  };
}

/** Serves functions of Inngest's own client, which reaches the platform through its routes. */
export function official(serve: (request: Request) => Promise<Response>) {
  return async (_call: AppCall, { url, headers, body }: PostRequest): Promise<PostResult> => {
    const request = new Request(url, { method: "POST", headers, body });
    request.headers.set("host", new URL(url).host);
    return answerOf(await serve(request));
  };
}
