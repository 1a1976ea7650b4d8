/** The platform asks apps for their functions: by order, every minute, and until somebody archives them. */
import { createExecutionContext, createScheduledController } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { afterEach, beforeAll, describe, expect, it } from "vitest";
import { hashedSigningKey } from "../../src/protocol/signing-key.ts";
import platform from "../fixtures/embedded-worker.ts";
import { APP_ORIGIN, APP_URL, SIGNED_APP_KEY, SIGNED_APP_URL } from "../helpers/app-urls.ts";
import { httpApp } from "./helpers/fixture-app.ts";
import { json, outputOf, post, request, runsOf, send, started, until } from "./helpers/front-door.ts";

const variables: Record<string, string> = {};
function configure(values: Record<string, string>): void {
  for (const [name, value] of Object.entries(values)) {
    variables[name] ??= String(Reflect.get(env, name) ?? "");
    Reflect.set(env, name, value);
  }
}
afterEach(() => {
  for (const [name, value] of Object.entries(variables)) Reflect.set(env, name, value);
});

const sync = (url: string, headers?: Record<string, string>) => post("/v1/apps/sync", { url }, headers);
const app = async (id: string) => (await json(`/v1/apps/${id}`)).body.data;
const minute = () => platform.scheduled!(createScheduledController(), env as Cloudflare.Env, createExecutionContext());

beforeAll(async () => {
  expect(await sync(APP_URL)).toMatchObject({ status: 200 });
});

describe("POST /v1/apps/sync", () => {
  it("asks the app and registers what it answers", async () => {
    const { status, body } = await sync(APP_URL);
    expect(status).toBe(200);
    expect(body.data).toMatchObject({ app_id: "http", url: APP_URL, kind: "in_band", modified: false, message: null });
    expect(body.data.functions).toContain("http-no-steps");
    expect(await outputOf(await send({ name: "http/no-steps", data: { n: 5 } }))).toEqual({ got: 5 });
  });

  it("an unchanged app is unmodified, and stays as it was", async () => {
    const before = await app("http");
    expect((await sync(`${APP_URL}?fnId=x`)).body.data.modified).toBe(false);
    expect(await app("http")).toEqual(before);
  });

  it("an app that registers itself: told apart by whether it is here", async () => {
    const url = `${APP_ORIGIN}/registers-itself`;
    const elsewhere = await sync(url);
    expect(elsewhere).toMatchObject({ status: 200, body: { data: { app_id: null, kind: "out_of_band" } } });
    expect(elsewhere.body.data.message).toContain("names another server");
    const runtime = { step: { id: "step", runtime: { type: "http", url: `${url}?fnId=go-fn&stepId=step` } } };
    const functions = [{ id: "go-fn", name: "fn", triggers: [], steps: runtime }];
    await post("/fn/register", { url, appName: "go", appVersion: "7", sdk: "go:v0.15.1", framework: "", functions });
    expect((await sync(url)).body.data).toEqual({
      app_id: "go",
      env: "main",
      url,
      kind: "out_of_band",
      modified: false,
      functions: ["go-fn"],
      message: null,
    });
    expect(await app("go")).toMatchObject({ app_version: "7", version: 1, sdk: "go:v0.15.1", function_count: 1 });
  });

  it("two servers of one app that register different functions: the last wins, and each change is a version", async () => {
    const runtime = { step: { id: "step", runtime: { type: "http", url: `${APP_URL}?fnId=x&stepId=step` } } };
    const config = (id: string) => ({ id: `twin-${id}`, name: id, triggers: [], steps: runtime });
    const register = (...ids: string[]) =>
      post("/fn/register", { url: APP_URL, appName: "twin", sdk: "js:v4.24.0", functions: ids.map(config) });
    const functions = async () => (await json("/v1/apps/twin/functions")).body.map((fn: any) => [fn.slug, fn.version]);
    expect((await register("a", "b")).body.modified).toBe(true);
    expect((await register("a", "c")).body.modified).toBe(true);
    expect(await functions()).toEqual([
      ["twin-a", 1],
      ["twin-c", 1],
    ]);
    expect((await register("a", "b")).body.modified).toBe(true);
    expect(await functions()).toEqual([
      ["twin-a", 1],
      ["twin-b", 1],
    ]);
    expect(await app("twin")).toMatchObject({ version: 3, function_count: 2 });
    expect((await register("a", "b")).body.modified).toBe(false);
  });

  it("[§2.2] an SDK that Inngest refuses is refused, with its code and the status in the body", async () => {
    const answer = await post("/fn/register", { url: APP_URL, appName: "old", sdk: "js:v3.40.0", functions: [] });
    expect(answer).toMatchObject({ status: 400, body: { code: "sdk_version_denied", status: 400, data: null } });
    expect((await json("/v1/apps/old")).status).toBe(404);
  });

  it.each([
    [`${APP_ORIGIN}/status?code=401`, "unauthorized"],
    [`${APP_ORIGIN}/status?code=403`, "forbidden"],
    [`${APP_ORIGIN}/status?code=404`, "url_not_found"],
    [`${APP_ORIGIN}/status?code=500`, "internal_server_error"],
    [`${APP_ORIGIN}/not-sdk`, "not_sdk"],
    ["ftp://app.test/api/inngest", "unsupported_protocol"],
    [SIGNED_APP_URL, "unauthorized"],
  ])("%s: %s, kept until a sync succeeds", async (url, code) => {
    const { status, body } = await sync(url);
    expect([status, body]).toEqual([422, { error: expect.stringContaining(url), code, status: 422, data: null }]);
    const { data } = (await json("/v1/apps")).body;
    expect(data).toContainEqual({
      id: null,
      url,
      function_count: 0,
      error: { code, message: body.error, at: expect.stringMatching(/^\d{4}-.*Z$/) },
    });
    const { handlers } = (await json("/dev")).body;
    expect(handlers).toContainEqual({ url, error: { code, message: body.error, at: expect.any(Number) } });
  });

  it.each([
    ["no JSON", "x", /must be JSON/],
    ["no url", "{}", /^url: /],
    ["an empty url", '{"url":""}', /^url: /],
    ["a list", "[]", /^body: /],
  ])("%s is 400", async (_, body, message) => {
    const answer = await json("/v1/apps/sync", { method: "POST", body });
    expect([answer.status, answer.body.error]).toEqual([400, expect.stringMatching(message)]);
  });

  it("what is no URL fails as one", async () => {
    expect(await sync("app.test")).toMatchObject({ status: 422, body: { code: "unsupported_protocol" } });
  });
});

describe("deployed", () => {
  const cloud = () => configure({ INNGEST_DEV: "", INNGEST_SIGNING_KEY: SIGNED_APP_KEY });

  it("[G10] every route about apps asks for the signing key", async () => {
    cloud();
    for (const [method, path] of [
      ["POST", "/v1/apps/sync"],
      ["GET", "/v1/apps"],
      ["GET", "/v1/apps/http"],
      ["GET", "/v1/apps/http/functions"],
      ["DELETE", "/v1/apps/http"],
      ["DELETE", `/fn/remove?url=${APP_URL}`],
    ] as const)
      expect((await request(path, { method })).status, `${method} ${path}`).toBe(401);
  });

  it("the question is signed; private targets are refused", async () => {
    cloud();
    const authorization = `Bearer ${await hashedSigningKey(SIGNED_APP_KEY)}`;
    expect((await sync(SIGNED_APP_URL, { authorization })).body.data).toMatchObject({
      app_id: "signed",
      modified: true,
    });
    const refused = await sync("http://169.254.169.254/latest", { authorization });
    expect(refused).toMatchObject({ status: 422, body: { code: "unreachable" } });
    configure({ INNGEST_SIGNING_KEY: "signkey-test-00" });
    const other = `Bearer ${await hashedSigningKey("signkey-test-00")}`;
    const unknown = await sync(SIGNED_APP_URL, { authorization: other });
    expect(unknown).toMatchObject({ status: 422, body: { code: "unauthorized" } });
    expect(unknown.body.error).toContain("set the app's INNGEST_SIGNING_KEY");
    const { body } = await json("/v1/apps/signed", { headers: { authorization: other } });
    expect(body.data.error).toMatchObject({ code: "unauthorized" });
  });
});

describe("INNGEST_SDK_URL", () => {
  it("each of its apps is synced every minute; one that fails does not hold up the others", async () => {
    await json("/v1/apps/http", { method: "DELETE" });
    const broken = `${APP_ORIGIN}/status?code=503`;
    configure({ INNGEST_SDK_URL: `no url, ${broken},${APP_URL}` });
    await minute();
    expect(await app("http")).toMatchObject({ archived_at: null, error: null });
    const { data } = (await json("/v1/apps")).body;
    expect(data.find((one: any) => one.url === broken).error.code).toBe("internal_server_error");
    expect(data.find((one: any) => one.url === "no url").error.code).toBe("unsupported_protocol");
  });

  it("a known app that fails keeps its functions and shows why; the next success clears that and nothing else", async () => {
    const url = `${APP_ORIGIN}/status?code=500`;
    const functions = [
      { id: "sick-fn", name: "", triggers: [], steps: { step: { id: "step", runtime: { type: "http", url } } } },
    ];
    const registration = { url, appName: "sick", sdk: "js:v1", framework: "test", functions };
    await post("/fn/register", registration);
    const before = await app("sick");
    configure({ INNGEST_SDK_URL: url });
    await minute();
    expect(await app("sick")).toEqual({
      ...before,
      error: { code: "internal_server_error", message: expect.any(String), at: expect.any(String) },
    });
    expect((await post("/fn/register", registration)).body.modified).toBe(false);
    expect(await app("sick")).toEqual(before);
  });
});

describe("archiving an app", () => {
  it("its functions start nothing new, its runs go on, and the next sync restores it", async () => {
    const key = crypto.randomUUID();
    const running = await send({ name: "http/gated", data: { key } });
    await until(async () => (await httpApp.counted(`${key}.hold`)) > 0, "the run at its gate");

    const archived = await json("/v1/apps/http", { method: "DELETE" });
    expect(archived).toMatchObject({ status: 200, body: { data: { id: "http", archived_at: expect.any(String) } } });
    const listed = async (query = "") => (await json(`/v1/apps${query}`)).body.data.map((one: any) => one.id);
    expect([(await listed()).includes("http"), (await listed("?archived=true")).includes("http")]).toEqual([
      false,
      true,
    ]);
    expect((await json("/v1/apps/http/functions")).body).toEqual([]);
    expect((await json("/dev")).body.handlers.map((one: any) => one.id)).not.toContain("http");
    const late = await send({ name: "http/no-steps", data: { n: 1 } });
    const other = await send({ name: "local/no-steps", data: { n: 1 } });
    await started(other); // routed after the event above

    await httpApp.open(`${key}.hold`);
    expect(await outputOf(running)).toBe("held");
    expect(await runsOf(late)).toEqual([]);

    expect((await sync(APP_URL)).body.data).toMatchObject({ app_id: "http", modified: true });
    expect(await app("http")).toMatchObject({ archived_at: null });
    expect(await outputOf(await send({ name: "http/no-steps", data: { n: 2 } }))).toEqual({ got: 2 });
    expect((await json("/v1/apps/http/functions")).body).toContainEqual(
      expect.objectContaining({ slug: "http-no-steps", fv: 1 }),
    );
  });

  it("[§2.6] DELETE /fn/remove archives by URL, and forgets a URL that never was synced", async () => {
    const broken = `${APP_ORIGIN}/status?code=502`;
    await sync(broken);
    const remove = (url: string) => json(`/fn/remove?url=${encodeURIComponent(url)}`, { method: "DELETE" });
    expect((await remove(broken)).status).toBe(200);
    expect((await json("/v1/apps")).body.data.map((one: any) => one.url)).not.toContain(broken);
    expect(await remove(broken)).toMatchObject({ status: 404, body: { error: expect.stringContaining(broken) } });
    expect(await remove(APP_URL)).toMatchObject({ status: 200, body: { ok: true } });
    expect((await app("http")).archived_at).toEqual(expect.any(String));
    await sync(APP_URL);
  });

  it("an unknown app is 404", async () => {
    for (const [method, path] of [
      ["GET", "/v1/apps/nobody"],
      ["GET", "/v1/apps/nobody/functions"],
      ["DELETE", "/v1/apps/nobody"],
    ] as const)
      expect(await json(path, { method })).toMatchObject({
        status: 404,
        body: { error: expect.stringContaining("nobody") },
      });
  });
});
