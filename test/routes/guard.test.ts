/** Who may do what: the keys of requests, as a table (inngest-protocol §1.2, §5). */
import { describe, expect, test } from "vitest";
import { platformApp } from "../../src/app.ts";
import type { Objects } from "../../src/durable-objects/objects.ts";
import { hashedSigningKey } from "../../src/protocol/signing-key.ts";
import type { Settings } from "../../src/routes/guard.ts";

const KEY = "signkey-test-12345678";
const NEXT = "signkey-test-87654321";
const HASH = "b2ed992186a5cb19f6668aade821f502c1d00970dfd0e35128d51bac4649916c"; // appendix B

/** Objects that know nothing: whoever reaches them was let in. */
const objects = new Proxy({} as Objects, {
  get: () => () => new Proxy({}, { get: () => async () => [] }),
});

function door(settings: Partial<Settings>) {
  const all = { isDev: false, eventKeys: [], signingKeys: [], sdkUrls: [], ...settings };
  const app = platformApp(objects, "main", () => all);
  return (path: string, init: RequestInit = {}) => app.request(`http://localhost${path}`, init);
}

const bearer = (token: string) => ({ headers: { authorization: token } });

describe("[§5] the bearer", () => {
  const ask = door({ signingKeys: [KEY, NEXT] });

  test.each([
    ["prefix and hash, as TypeScript and Go send it", `Bearer signkey-test-${HASH}`, 200],
    ["the hash alone, as Python sends it", `Bearer ${HASH}`, 200],
    ["the key itself, as Go sends it with checkpoints", `Bearer ${KEY}`, 200],
    ["the key without its prefix", "Bearer 12345678", 200],
    ["another prefix: it is no part of the secret", `Bearer signkey-prod-${HASH}`, 200],
    ["lower case, and more than one space", `bearer   ${KEY}`, 200],
    ["the fallback itself", `Bearer ${NEXT}`, 200],
    ["nothing", "", 401],
    ["no token", "Bearer", 401],
    ["another scheme", `Basic ${KEY}`, 401],
    ["the key without a scheme", KEY, 401],
    ["a part of the hash", `Bearer ${HASH.slice(0, -1)}`, 401],
    ["the hash of the hash's text", `Bearer ${HASH}${HASH}`, 401],
    ["a prefix alone", "Bearer signkey-test-", 401],
    ["another key", "Bearer signkey-test-00000000", 401],
    ["two keys", `Bearer ${KEY} ${NEXT}`, 401],
  ])("%s", async (_what, token, status) => {
    expect((await ask("/v1/apps", bearer(token))).status).toBe(status);
  });

  test("while keys are changed, both ways in are open; afterwards only the new one", async () => {
    const [old, next] = await Promise.all([KEY, NEXT].map(async (key) => `Bearer ${await hashedSigningKey(key)}`));
    for (const token of [old!, next!]) {
      expect((await ask("/v1/apps", bearer(token))).status).toBe(200);
      expect((await door({ signingKeys: [NEXT, KEY] })("/v1/apps", bearer(token))).status).toBe(200);
    }
    expect((await door({ signingKeys: [NEXT] })("/v1/apps", bearer(old!))).status).toBe(401);
    expect((await door({ signingKeys: [NEXT] })("/v1/apps", bearer(next!))).status).toBe(200);
  });

  test.each([
    ["GET", "/v1/apps"],
    ["GET", "/v1/events"],
    ["GET", "/v1/functions"],
    ["GET", "/v1/envs"],
    ["DELETE", "/v1/envs/x"],
    ["GET", "/v1/cancellations"],
    ["GET", "/v1/parked"],
    ["GET", "/v1/schedules"],
    ["GET", "/v1/prom/main"],
    ["GET", "/v1/runs"],
    ["GET", "/v1/runs/01ARZ3NDEKTSV4RRFFQ69G5FAV/jobs"],
    ["GET", "/v1/runs/01ARZ3NDEKTSV4RRFFQ69G5FAV/export"],
    ["DELETE", "/v0/runs/01ARZ3NDEKTSV4RRFFQ69G5FAV"],
    ["POST", "/invoke/shop-a"],
    ["POST", "/fn/register"],
    ["DELETE", "/fn/remove?url=http://x"],
    ["POST", "/v0/gql"],
    ["GET", "/v2/runs"],
    ["GET", "/api/v2/apps"],
    ["POST", "/v2/events"],
    ["GET", "/v2/nothing"],
  ])("%s %s asks for it, and without a configured key nobody is served", async (method, path) => {
    const refused = await ask(path, { method });
    expect(refused.status).toBe(401);
    expect(JSON.stringify(await refused.json())).toMatch(/Authorization must be|authorization_header_missing/);
    expect((await door({})(path, { method })).status).toBe(503);
  });
});

describe("[§1.2] the event key", () => {
  const send = (settings: Partial<Settings>, key: string) =>
    door(settings)(`/e/${key}`, { method: "POST", body: '{"data":{}}' }); // let in, it is refused for its name

  test.each<[string, Partial<Settings>, string, number, string]>([
    ["none configured", {}, "any", 503, "Event keys are required"],
    ["none given", { eventKeys: ["a"] }, "", 401, "Event key is required"],
    ["an unknown one", { eventKeys: ["a", "b"] }, "c", 401, "Event key not found"],
    ["a part of one", { eventKeys: ["abc"] }, "ab", 401, "Event key not found"],
    ["one of several", { eventKeys: ["a", "b"] }, "b", 400, "event.name"],
    ["any in dev mode", { isDev: true }, "NO_EVENT_KEY_SET", 400, "event.name"],
    ["none in dev mode", { isDev: true }, "", 400, "event.name"],
    ["an unknown one in dev mode with keys", { isDev: true, eventKeys: ["a"] }, "b", 401, "Event key not found"],
  ])("%s", async (_what, settings, key, status, error) => {
    const answer = await send(settings, key);
    expect(answer.status).toBe(status);
    expect(await answer.json()).toMatchObject({ status, error: expect.stringContaining(error) });
  });
});
