/**
 * The in-memory host as its users see it: the same HTTP API, in virtual time. A look finds all at rest; when there is
 * nothing yet, time moves on to whatever happens next.
 */
import { vi } from "vitest";
import { platformApp } from "../../src/app.ts";
import { realTurn } from "../../src/testing/host/turns.ts";
import { ENV } from "../../src/testing/host/world.ts";
import type { TestPlatform } from "../../src/testing/platform.ts";
import { counted, open, waitIn } from "../fixtures/hooks.ts";
import type { FixtureApp } from "../contract/behaviours.ts";
import type { Looks, PlatformHost } from "./front-door.ts";

/** Turns of the event loop in which nothing happened; bodies of requests are read in some of their own. */
const QUIET_TURNS = 10;
const LOOKS_MAX = 20_000;

const SETTINGS = { isDev: true, eventKeys: [], signingKeys: [], sdkUrls: [] };

export class MemoryDoor implements PlatformHost {
  #platform: TestPlatform | undefined;
  #app: ReturnType<typeof platformApp> | undefined;
  /** bodies that wait for a gate */
  #atGates: (() => void)[] = [];

  /** The fixture's hooks. */
  readonly hooks: FixtureApp = {
    counted: async (name) => counted(name),
    open: async (name) => {
      open(name);
      for (const look of this.#atGates.splice(0)) look();
    },
  };

  /** From now on requests go to this platform; routes, test and fixtures live in its time. */
  async open(platform: TestPlatform): Promise<void> {
    const { world, client } = platform.parts;
    this.#platform = platform;
    this.#app = platformApp(world.objects(), ENV, () => SETTINGS);
    vi.spyOn(Date, "now").mockImplementation(() => world.clock.now);
    waitIn({
      pause: (ms) => world.later(ms),
      opening: () => new Promise((resolve) => this.#atGates.push(resolve)),
    });
    await this.#during(client.register());
  }

  close(): void {
    vi.restoreAllMocks();
    waitIn();
  }

  async fetch(request: Request): Promise<Response> {
    if (!this.#app) throw new Error("the door is not open");
    return this.#during(this.#app.fetch(request));
  }

  async meanwhile({ count }: Looks): Promise<void> {
    if (count > LOOKS_MAX) throw new Error(`not within ${LOOKS_MAX} looks`);
    await this.#rest();
    if (count % 2 === 0) this.#moveOn(Number.POSITIVE_INFINITY); // what the rest has come to is looked at before
  }

  /** Lets so much time pass. */
  async pass(ms: number): Promise<void> {
    const { clock } = this.#world;
    const end = clock.now + ms;
    do await this.#rest();
    while (this.#moveOn(end));
    clock.moveTo(Math.max(end, clock.now));
    await this.#rest();
  }

  /** The process dies, and with it every object; one run's is asked to come back at once. */
  async crash(interrupted?: string): Promise<void> {
    const world = this.#world;
    world.resetAll();
    if (interrupted !== undefined) await this.#during(world.objects().run(ENV, interrupted).poke());
  }

  get #world() {
    if (!this.#platform) throw new Error("the door is not open");
    return this.#platform.world;
  }

  /** Lets happen what an answer needs; time moves only when it does not come without. */
  async #during<T>(answer: T | Promise<T>): Promise<T> {
    const work = Promise.resolve(answer);
    let isOver = false;
    const over = () => void (isOver = true);
    void work.then(over, over);
    for (;;) {
      await this.#rest(() => isOver);
      if (isOver) return work;
      if (!this.#moveOn(Number.POSITIVE_INFINITY)) throw new Error("no answer comes, and nothing is left to happen");
    }
  }

  /** Until nothing more happens at this instant. */
  async #rest(isOver: () => boolean = () => false): Promise<void> {
    const world = this.#world;
    let seen = world.turns.count;
    for (let quiet = 0; quiet < QUIET_TURNS && !isOver(); quiet++) {
      await realTurn();
      if (!world.turns.areOver || world.turns.count !== seen || world.startDue()) quiet = 0;
      seen = world.turns.count;
    }
  }

  /** To the next instant at which something happens; false when there is none until the end. */
  #moveOn(end: number): boolean {
    const { clock } = this.#world;
    const timer = clock.next();
    if (!timer || timer.at > end) return false;
    clock.moveTo(Math.max(timer.at, clock.now));
    clock.fire(timer);
    return true;
  }
}
