import { describe, expect, it, test } from "vitest";
import { exchange } from "../../src/protocol/gateway-exchange.ts";
import { gatewayOutcome, readGateway, shownGateway, type GatewayRequest } from "../../src/protocol/gateway.ts";
import { STEP_OUTPUT_MAX_BYTES } from "../../src/protocol/limits.ts";
import { allowedTargets } from "../../src/transports/gateway.ts";

const what = 'step "ask"';
const fetchOp = (opts: object) => readGateway("Gateway", { url: "https://api.test/x?key=k1", ...opts }, what);
const aiOp = (opts: object) => readGateway("AIGateway", { url: "https://ai.test/v1", body: { q: 1 }, ...opts }, what);

describe("[§9.4] what `Gateway` asks", () => {
  it.each<[object, Partial<GatewayRequest>]>([
    [{}, { method: "POST", headers: {}, body: null }],
    [{ method: "get" }, { method: "GET" }],
    [{ body: "" }, { body: null }],
    [{ body: "text" }, { body: "text" }],
    [{ headers: { "X-A": "1", Accept: ["a", "b"] } }, { headers: { "x-a": "1", accept: "a,b" } }],
    [{ headers: { Host: "evil", "Content-Length": "3", connection: "close" } }, { headers: {} }],
    [{ publish: { channel: "c", topic: "t" } }, { publish: { channel: "c", topic: "t" } }],
  ])("%j", (opts, expected) => {
    expect(fetchOp(opts)).toMatchObject({ op: "Gateway", url: "https://api.test/x?key=k1", ...expected });
  });

  it.each<[object, string]>([
    [{ url: "/x" }, 'step "ask": `url` must be an absolute one of http or https'],
    [{ url: "file:///etc/passwd" }, 'step "ask": `url` must be an absolute one of http or https'],
    [{ url: undefined }, 'step "ask": `url` must be an absolute one of http or https'],
    [{ body: { a: 1 } }, 'step "ask": `body` must be a text, not object: give the request a string'],
    [{ body: "x", method: "GET" }, 'step "ask": `body`: a GET request carries none'],
    [{ headers: [] }, 'step "ask": `headers` must be an object, not a list'],
    [{ headers: { a: 1 } }, 'step "ask": `headers`: a must be a text, not number'],
    [
      { publish: { channel: "c" } },
      'step "ask": `publish` must name a `channel` of at most 512 bytes and a `topic` of at most 255',
    ],
  ])("%j is refused by name", (opts, message) => {
    expect(() => fetchOp(opts)).toThrow(message);
  });
});

describe("[§9.5] where the key of `AIGateway` goes", () => {
  it.each<[object, { url?: string; headers?: object }]>([
    [{ auth_key: "k" }, { headers: { authorization: "Bearer k", "content-type": "application/json" } }],
    [{ auth_key: "k", format: "openai-responses" }, { headers: { authorization: "Bearer k" } }],
    [{ auth_key: "k", format: "anthropic" }, { headers: { "x-api-key": "k" } }],
    [{ auth_key: "k", format: "gemini" }, { url: "https://ai.test/v1?key=k" }],
    [{ auth_key: "k", format: "bedrock" }, { headers: { authorization: "k" } }],
    [{ auth_key: "k", format: "azure-openai", headers: { "api-key": "k" } }, { headers: { "api-key": "k" } }],
    [{ headers: { "X-B": "1" } }, { headers: { "x-b": "1" } }],
  ])("%j", (opts, expected) => {
    const request = aiOp(opts);
    expect(request).toMatchObject({ method: "POST", body: '{"q":1}', ...expected });
    expect(Object.keys(request.headers).filter((name) => ["authorization", "x-api-key"].includes(name)).length).toBe(
      JSON.stringify(expected).includes("authorization") || JSON.stringify(expected).includes("x-api-key") ? 1 : 0,
    );
  });

  it("nothing of it is shown: neither headers nor query", () => {
    const shown = JSON.stringify([
      shownGateway(aiOp({ auth_key: "sekrit", format: "gemini" })),
      shownGateway(aiOp({ auth_key: "sekrit" })),
      shownGateway(fetchOp({ url: "https://user:sekrit@api.test/x?key=sekrit", headers: { authorization: "sekrit" } })),
    ]);
    expect(shown).not.toContain("sekrit");
    expect(shown).toContain("https://api.test/x");
  });
});

describe("what an answer comes to", () => {
  const answered = (status: number, body: string, headers = {}) =>
    ({ kind: "answered", url: "https://ai.test/v1", status, headers, body }) as const;

  it("[§9.4] every status is data to fetch", () => {
    expect(gatewayOutcome(fetchOp({}), answered(503, "down", { "Retry-After": "9" }))).toEqual({
      kind: "data",
      data: { url: "https://ai.test/v1", headers: { "Retry-After": "9" }, body: "down", status_code: 503 },
    });
  });

  it("[§9.5] a model's success is its JSON", () => {
    expect(gatewayOutcome(aiOp({}), answered(200, '{"id":1}'))).toEqual({ kind: "data", data: { id: 1 } });
  });

  it.each([300, 401, 429, 500])("[§9.5] status %i is an error with the body, to be tried again", (status) => {
    expect(gatewayOutcome(aiOp({}), answered(status, '{"error":"no"}', { "Retry-After": "7" }))).toEqual({
      kind: "error",
      error: {
        name: "AIGatewayError",
        code: "request_failed",
        message: `ai.test answered ${status}`,
        data: { error: "no" },
        stack: '{"error":"no"}',
      },
      final: false,
      retryAfter: "7",
    });
  });

  it("a key that the provider repeats is blanked out", () => {
    const outcome = gatewayOutcome(aiOp({ auth_key: "sk-1234" }), answered(401, "Incorrect key sk-1234 given"));
    expect(JSON.stringify(outcome)).not.toContain("sk-1234");
    expect(outcome).toMatchObject({ error: { data: "Incorrect key [key] given" } });
  });

  it("what is over the bound of a step's output is refused for good: more tries would bring the same", () => {
    const body = '"'.repeat(STEP_OUTPUT_MAX_BYTES - 10); // twice as long in JSON
    expect(gatewayOutcome(fetchOp({}), answered(200, body))).toMatchObject({
      kind: "error",
      final: true,
      error: { name: "GatewayError", code: "output_too_large" },
    });
  });

  it.each([
    ["unreachable", false],
    ["output_too_large", true],
    ["target_refused", true],
  ] as const)("%s: final is %j", (code, final) => {
    expect(gatewayOutcome(fetchOp({}), { kind: "failed", code, message: "m" })).toEqual({
      kind: "error",
      error: { name: "GatewayError", code, message: "m" },
      final,
    });
  });
});

describe("making the request", () => {
  interface Asked {
    url: string;
    init: RequestInit;
  }
  function network(...answers: (Response | Error)[]) {
    const asked: Asked[] = [];
    const fetch = async (url: string, init: RequestInit) => {
      asked.push({ url, init });
      const answer = answers[asked.length - 1] ?? new Response("end");
      if (answer instanceof Error) throw answer;
      return answer;
    };
    const make = (request: GatewayRequest, isDev = false, timeoutMs = 1_000) =>
      exchange(request, { fetch, isAllowed: allowedTargets(isDev), timeoutMs });
    return { asked, make, header: (at: number, name: string) => new Headers(asked[at]?.init.headers).get(name) };
  }
  const to = (status: number, location: string) => new Response(null, { status, headers: { location } });

  it("headers are as Go writes them, of one name joined, and say nothing of an encoding that is over", async () => {
    const headers = new Headers({ "content-type": "text/plain", "content-encoding": "gzip", "content-length": "9" });
    headers.append("set-cookie", "a=1");
    headers.append("set-cookie", "b=2");
    const { make } = network(new Response("ok", { headers }));
    expect(await make(fetchOp({ method: "GET" }))).toEqual({
      kind: "answered",
      url: "https://api.test/x?key=k1",
      status: 200,
      headers: { "Content-Type": "text/plain", "Set-Cookie": "a=1,b=2" },
      body: "ok",
    });
  });

  it.each([
    [301, "POST", "GET", null],
    [302, "POST", "GET", null],
    [303, "PUT", "GET", null],
    [307, "POST", "POST", "b"],
    [308, "PUT", "PUT", "b"],
    [301, "PUT", "PUT", "b"],
  ])("a %i after %s is followed by %s", async (status, method, then, body) => {
    const { asked, make } = network(to(status, "/y"));
    expect(await make(fetchOp({ method, body: "b" }))).toMatchObject({ url: "https://api.test/y", body: "end" });
    expect(asked[1]).toMatchObject({ url: "https://api.test/y", init: { method: then, body } });
  });

  it("another origin is sent no keys", async () => {
    const { make, header } = network(to(307, "https://other.test/"));
    await make(fetchOp({ body: "b", headers: { authorization: "k", cookie: "c", "x-api-key": "k", "x-own": "1" } }));
    expect(header(0, "authorization")).toBe("k");
    expect(["authorization", "cookie", "x-api-key"].map((name) => header(1, name))).toEqual([null, null, null]);
    expect(header(1, "x-own")).toBe("1");
  });

  it("redirects have an end", async () => {
    const { asked, make } = network(...Array.from({ length: 30 }, () => to(302, "/x")));
    expect(await make(fetchOp({}))).toMatchObject({
      kind: "failed",
      message: "https://api.test redirected more than 20 times",
    });
    expect(asked).toHaveLength(21);
  });

  const inside = [
    "http://127.0.0.1/",
    "http://localhost:8288/",
    "http://[::1]/",
    "http://10.0.0.1/",
    "http://169.254.169.254/",
  ];
  test.each(inside)("%s is refused outside of dev mode, and asked in it", async (url) => {
    const { asked, make } = network();
    expect(await make(fetchOp({ url }))).toMatchObject({ kind: "failed", code: "target_refused" });
    expect(asked).toEqual([]);
    expect(await make(fetchOp({ url }), true)).toMatchObject({ kind: "answered" });
  });

  test.each([...inside, "file:///etc/passwd"])("a redirect to %s is refused as well", async (url) => {
    const { asked, make } = network(to(302, url));
    expect(await make(fetchOp({}))).toMatchObject({ kind: "failed", code: "target_refused" });
    expect(asked).toHaveLength(1);
  });

  it("what goes wrong names the origin and the reason, and no key", async () => {
    const { make } = network(new TypeError("fetch failed", { cause: new Error("connect ECONNREFUSED") }));
    expect(await make(fetchOp({ url: "https://user:sekrit@api.test/x?key=sekrit" }))).toEqual({
      kind: "failed",
      code: "unreachable",
      message: "https://api.test could not be reached: fetch failed: connect ECONNREFUSED",
    });
  });

  it("an answer that is too long is not read to its end", async () => {
    let pulled = 0;
    const stream = new ReadableStream<Uint8Array>({
      pull(controller) {
        pulled += 1;
        controller.enqueue(new Uint8Array(1024 * 1024));
      },
    });
    const { make } = network(new Response(stream));
    expect(await make(fetchOp({}))).toMatchObject({ kind: "failed", code: "output_too_large" });
    expect(pulled).toBeLessThan(10);
  });

  it("an answer that does not come has its bound", async () => {
    const hangs = (_url: string, { signal }: RequestInit) =>
      new Promise<Response>((_resolve, reject) =>
        signal?.addEventListener("abort", () => reject(new Error("aborted by the bound"))),
      );
    const result = await exchange(fetchOp({}), { fetch: hangs, isAllowed: () => true, timeoutMs: 5 });
    expect(result).toMatchObject({
      code: "unreachable",
      message: "https://api.test did not answer within 0.005 s, the bound of one request",
    });
  });
});
