import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { BoundApps } from "../src/bound-apps.ts";
import type { AppSync, Objects } from "../src/durable-objects/objects.ts";
import type { BoundApp, BoundEntrypoint } from "../src/protocol/binding.ts";
import type { SyncFailure } from "../src/protocol/app-sync.ts";
import { Inngest } from "../src/sdk/index.ts";
import { functionsEntrypoint } from "../src/serve/cloudflare.ts";

const client = new Inngest({ id: "shop" });
const signup = client.createFunction({ id: "signup", retries: 2 }, { event: "user/signed-up" }, () => "hello");
const shop = new (functionsEntrypoint({ client, functions: [signup] }))({ waitUntil: () => {} }, {});

/** What the registry of an environment is told. */
class Told {
  readonly syncs: AppSync[] = [];
  readonly failures: [url: string, SyncFailure][] = [];
  outcome: object = { kind: "synced", modified: true };
  readonly objects = {
    registry: () => ({
      sync: async (sync: AppSync) => (this.syncs.push(sync), this.outcome),
      syncFailed: async (url: string, failure: SyncFailure) => void this.failures.push([url, failure]),
    }),
  } as unknown as Objects;
}

let now = 0;
const bound = (told: Told, env: object) =>
  new BoundApps({ bindings: ["SHOP"], env, objects: told.objects, now: () => now });
const describing = (describe: () => Promise<BoundApp>) => ({ SHOP: { describe } satisfies Partial<BoundEntrypoint> });

beforeEach(() => void vi.spyOn(console, "error").mockImplementation(() => {}));
afterEach(() => void vi.restoreAllMocks());

test("an app is registered with its binding, once for all requests of an isolate; the sweep asks again", async () => {
  const told = new Told();
  const apps = bound(told, { SHOP: shop });
  await Promise.all([apps.ensureRegistered(), apps.ensureRegistered()]);
  await apps.ensureRegistered();
  expect(told.syncs).toMatchObject([{ appId: "shop", url: "binding:SHOP", framework: "cloudflare" }]);
  expect(told.syncs[0]?.functions).toMatchObject([
    { id: "shop-signup", transport: { kind: "binding", binding: "SHOP" }, triggers: [{ event: "user/signed-up" }] },
  ]);
  await apps.register();
  expect(told.syncs).toHaveLength(2);
});

test.each<[string, object, RegExp]>([
  ["no such binding", {}, /no service binding SHOP; add .*\[\[services\]\] binding = "SHOP"/],
  [
    "no such entrypoint",
    describing(() => Promise.reject(new TypeError("no such entrypoint"))),
    /no such entrypoint.*functionsEntrypoint.*entrypoint = "…"/,
  ],
  [
    "another version of the contract",
    describing(async () => ({ version: 2, registration: {} })),
    /version 2 .*platform version 1; deploy both/,
  ],
  [
    "functions that cannot be",
    describing(async () => ({ version: 1, registration: { url: "", appname: "shop", functions: [{ id: "x" }] } })),
    /functions/,
  ],
])("%s: the app says why, and nothing throws", async (_, env, message) => {
  const told = new Told();
  await bound(told, env).ensureRegistered();
  expect(told.syncs).toEqual([]);
  expect(told.failures).toEqual([["binding:SHOP", { code: "unreachable", message: expect.stringMatching(message) }]]);
});

test("a function of another app is not taken over", async () => {
  const told = new Told();
  told.outcome = { kind: "taken", functionId: "shop-signup", appId: "a" };
  await bound(told, { SHOP: shop }).ensureRegistered();
  expect(told.failures[0]?.[1].message).toContain('belongs to app "a" already');
});

test("an app that hangs keeps no request for longer than 3 s, and is asked again 5 s later", async () => {
  vi.useFakeTimers();
  try {
    const told = new Told();
    let asked = 0;
    const apps = bound(
      told,
      describing(() => (asked++, new Promise<BoundApp>(() => {}))),
    );
    const first = apps.ensureRegistered();
    await vi.advanceTimersByTimeAsync(3_000);
    await first;
    await apps.ensureRegistered();
    expect([asked, told.failures[0]?.[1].message]).toEqual([1, expect.stringContaining("no answer within 3 s")]);
    now += 5_000;
    const again = apps.ensureRegistered();
    await vi.advanceTimersByTimeAsync(3_000);
    await again;
    expect(asked).toBe(2);
  } finally {
    vi.useRealTimers();
  }
});
