/** People who come through Cloudflare Access: its tokens, signed with real keys that a local server publishes. */
import { createServer, type Server } from "node:http";
import { once } from "node:events";
import { exportJWK, generateKeyPair, SignJWT, type CryptoKey } from "jose";
import { afterAll, beforeAll, beforeEach, describe, expect, test, vi } from "vitest";
import { platformApp } from "../../src/app.ts";
import type { Objects } from "../../src/durable-objects/objects.ts";
import { accessSettings } from "../../src/routes/access.ts";

const AUD = "4714c1358e65fe4b408ad6d432a5f878f08194bdb4752441fd56faefa9b2b6f2";
const HOST = "https://inngest.example";
const HOUR_S = 3600;

const objects = new Proxy({} as Objects, {
  get: () => () => new Proxy({}, { get: () => async () => [] }),
});

/** What the server publishes, by its id, and how often it was asked. */
const published = new Map<string, CryptoKey>();
let asked = 0;
let server: Server;
let team = "";
const keys = new Map<string, CryptoKey>();

async function newKey(id: string, isPublished = true): Promise<void> {
  const pair = await generateKeyPair("RS256", { extractable: true });
  keys.set(id, pair.privateKey);
  if (isPublished) published.set(id, pair.publicKey);
}

beforeAll(async () => {
  server = createServer(async (request, response) => {
    asked += 1;
    if (request.url !== "/cdn-cgi/access/certs") return response.writeHead(404).end();
    const jwks = [...published].map(async ([kid, key]) => ({
      ...(await exportJWK(key)),
      kid,
      alg: "RS256",
      use: "sig",
    }));
    response
      .writeHead(200, { "content-type": "application/json" })
      .end(JSON.stringify({ keys: await Promise.all(jwks) }));
  });
  team = await urlOf(server);
  await newKey("first");
  await newKey("unpublished", false);
});
afterAll(() => void server.close());
beforeEach(() => void (asked = 0));

async function urlOf(listener: Server): Promise<string> {
  listener.listen(0, "127.0.0.1");
  await once(listener, "listening");
  const address = listener.address();
  if (address === null || typeof address === "string") throw new Error("no port");
  return `http://127.0.0.1:${address.port}`;
}

interface Made {
  kid?: string;
  iss?: string;
  aud?: string;
  exp?: number;
  claims?: Record<string, unknown>;
}

const now = () => Math.floor(Date.now() / 1000);

function token({ kid = "first", iss = team, aud = AUD, exp = now() + HOUR_S, claims }: Made = {}): Promise<string> {
  return new SignJWT({ email: "ada@acme.com", type: "app", ...claims })
    .setProtectedHeader({ alg: "RS256", kid })
    .setIssuer(iss)
    .setAudience([aud])
    .setIssuedAt(now() - 1)
    .setExpirationTime(exp)
    .sign(keys.get(kid)!);
}

function door(writers: string[] = [], at = team) {
  const settings = {
    isDev: false,
    eventKeys: [],
    signingKeys: ["signkey-test-12"],
    sdkUrls: [],
    access: accessSettings(at, [AUD, "another"], writers),
  };
  const app = platformApp(objects, "main", () => settings);
  return (
    path: string,
    assertion: string,
    init: { method?: string; body?: string; headers?: Record<string, string> } = {},
  ) =>
    app.request(
      new Request(HOST + path, { ...init, headers: { "cf-access-jwt-assertion": assertion, ...init.headers } }),
    );
}

const session = async (ask: ReturnType<typeof door>, assertion: string) => {
  const answer = await ask("/v1/session", assertion);
  return { status: answer.status, body: (await answer.json()) as { data: unknown; error?: string } };
};

describe("a token of Access", () => {
  test("says who it is, and its keys are asked for once", async () => {
    const ask = door();
    for (let n = 0; n < 3; n++)
      expect((await session(ask, await token())).body.data).toMatchObject({
        by: "access",
        role: "reader",
        name: "ada@acme.com",
      });
    expect(asked).toBe(1);
  });

  test.each<[string, () => Made, string]>([
    ["of another team", () => ({ iss: "https://evil.cloudflareaccess.com" }), "iss"],
    ["for another application", () => ({ aud: "other" }), "aud"],
    ["that is over", () => ({ exp: now() - 10 }), "exp"],
    ["by a key that is not published", () => ({ kid: "unpublished" }), "no applicable key"],
    ["that names nobody", () => ({ claims: { email: "" } }), "names nobody"],
  ])("%s is refused", async (_what, made, words) => {
    const { status, body } = await session(door(["*"]), await token(made()));
    expect([status, body.error]).toEqual([401, expect.stringContaining(words)]);
  });

  test.each([
    ["by no key at all", () => `${btoa('{"alg":"none"}')}.${btoa(`{"email":"a@b.c","aud":"${AUD}"}`)}.`],
    ["that is no token", () => "x"],
    ["that is empty", () => ""],
  ])("%s is refused", async (_what, make) => {
    expect((await session(door(["*"]), make())).status).toBe(401);
  });

  test("whose claims were changed is refused", async () => {
    const [head, , signature] = (await token()).split(".");
    const claims = btoa(JSON.stringify({ iss: team, aud: [AUD], exp: now() + HOUR_S, email: "eve@acme.com" }));
    expect((await session(door(["*"]), `${head}.${claims}.${signature}`)).status).toBe(401);
  });

  test.each([
    ["nobody listens", 0, "INNGEST_ACCESS_TEAM"],
    ["an error is all that comes", 502, "INNGEST_ACCESS_TEAM"],
  ])(
    "when the keys cannot be had, for %s, nobody is let in, and it says whose fault that is",
    async (_, status, words) => {
      const error = vi.spyOn(console, "error").mockImplementation(() => {});
      const broken = createServer((_request, response) => response.writeHead(status).end());
      const at = await urlOf(broken);
      if (status === 0) broken.close();
      const { body, ...away } = await session(door(["*"], at), await token());
      expect([away.status, body.error]).toEqual([503, expect.stringContaining(words)]);
      error.mockRestore();
      if (status !== 0) broken.close();
    },
  );

  test("counts nowhere when Access is not configured", async () => {
    const app = platformApp(objects, "main", () => ({
      isDev: false,
      eventKeys: [],
      signingKeys: ["signkey-test-12"],
      sdkUrls: [],
    }));
    const headers = { "cf-access-jwt-assertion": await token() };
    expect((await app.request(new Request(`${HOST}/v1/apps`, { headers }))).status).toBe(401);
  });
});

describe("who may act", () => {
  const act = async (writers: string[], made: Made = {}, headers: Record<string, string> = { origin: HOST }) =>
    (await door(writers)("/v1/signals", await token(made), { method: "POST", body: "{}", headers })).status;
  const LET_IN = 400; // and refused for its body

  test.each<[string, string[], number]>([
    ["nobody is named", [], 403],
    ["others are", ["bob@acme.com", "*@ada.com", "acme.com"], 403],
    ["they are", ["bob@acme.com", "Ada@Acme.com"], LET_IN],
    ["their company is", ["*@acme.com"], LET_IN],
    ["everybody is", ["*"], LET_IN],
  ])("when %s", async (_what, writers, status) => {
    expect(await act(writers)).toBe(status);
  });

  test("their browser acts only for a page of this host, since Access adds the token to whatever it sends", async () => {
    expect(await act(["*"], {}, {})).toBe(403);
    expect(await act(["*"], {}, { origin: "https://evil.example" })).toBe(403);
  });

  test("a service token is a program's: it has a name, and no browser", async () => {
    const program = { claims: { email: undefined, common_name: "deploy.access" } };
    expect(await act(["deploy.access"], program, {})).toBe(LET_IN);
    expect(await act(["*@acme.com"], program, {})).toBe(403);
  });
});

describe("INNGEST_ACCESS_TEAM and INNGEST_ACCESS_AUD", () => {
  test.each([
    ["acme", "https://acme.cloudflareaccess.com"],
    ["acme.cloudflareaccess.com", "https://acme.cloudflareaccess.com"],
    ["https://acme.cloudflareaccess.com/", "https://acme.cloudflareaccess.com"],
  ])("%s is %s", (text, issuer) => {
    expect(accessSettings(text, [AUD], [])).toMatchObject({ issuer });
  });

  test("neither is nothing; one without the other, or no team, is a mistake that is said to whoever comes by Access", async () => {
    expect(accessSettings("", [], ["*"])).toBeNull();
    expect(accessSettings("acme", [], [])).toMatchObject({ mistake: expect.stringContaining("INNGEST_ACCESS_AUD") });
    for (const text of ["", "a b", "http://acme.com", "ftp://acme.com"])
      expect(accessSettings(text, [AUD], [])).toMatchObject({
        mistake: expect.stringContaining("INNGEST_ACCESS_TEAM"),
      });
    const ask = door(["*"], "http://acme.com");
    expect((await session(ask, await token())).status).toBe(503);
    expect((await ask("/v1/apps", "", { headers: { authorization: "Bearer signkey-test-12" } })).status).toBe(200);
  });
});
