/** Branch environments through the front door: what one has, no other sees (G11). */
import { createExecutionContext, createScheduledController } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { afterEach, describe, expect, it } from "vitest";
import { uuidOf } from "../../src/protocol/ids.ts";
import { ENVIRONMENTS_MAX } from "../../src/protocol/limits.ts";
import { Inngest } from "../../src/sdk/index.ts";
import { makeFunctions } from "../fixtures/functions.ts";
import platform from "../fixtures/embedded-worker.ts";
import { APP_ORIGIN, APP_URL } from "../helpers/app-urls.ts";
import { json, post, request, until } from "./helpers/front-door.ts";
import { objectIds } from "./helpers/object-ids.ts";

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

let branches = 0;
const newBranch = () => `feature/branch-${(branches += 1)}`;
const as = (branch: string, more: Record<string, string> = {}) => ({ "x-inngest-env": branch, ...more });
const read = (branch: string, path: string) => json(path, { headers: as(branch) });

/** Registers the served functions of app "http" in an environment, as its sync does. */
function register(branch: string, appId = "http") {
  const client = new Inngest({ id: appId });
  const functions = makeFunctions(client).flatMap((fn) => fn.configs(appId, APP_URL));
  const body = { url: APP_URL, appname: appId, sdk: "js:v0", framework: "test", functions };
  return post("/fn/register", body, as(branch));
}

async function sendIn(branch: string, event: object): Promise<string> {
  const { status, body } = await post("/e/key", event, as(branch));
  expect({ status, body }).toMatchObject({ status: 200 });
  return body.ids[0];
}

const endedIn = (branch: string, id: string) =>
  until(async () => {
    const [run] = (await read(branch, `/v1/events/${id}/runs`)).body.data;
    return run?.ended_at ? run : null;
  }, "the end of the run");

describe("[G11] a branch environment", () => {
  it("has apps, events and runs of its own; the same event elsewhere starts nothing there", async () => {
    const [one, other] = [newBranch(), newBranch()];
    expect((await register(one)).body).toMatchObject({ ok: true, modified: true });
    const id = await sendIn(one, { name: "http/no-steps", data: { n: 3 } });
    const run = await endedIn(one, id);
    expect(run).toMatchObject({ status: "Completed", output: { got: 3 } });

    const foreign = await sendIn(other, { name: "http/no-steps", data: { n: 4 } });
    expect((await read(other, "/v1/apps")).body.data).toEqual([]);
    for (const branch of [other, "main"])
      for (const path of [`/v1/runs/${run.run_id}`, `/v1/events/${id}`, "/v1/apps/http-x"])
        expect((await read(branch, path)).status, `${path} in ${branch}`).toBe(404);
    expect((await read(other, "/v1/events")).body.data.map((event: any) => event.internal_id)).toEqual([foreign]);
    expect((await read(one, "/v1/events?name=http/no-steps")).body.data).toHaveLength(1);
    expect((await read(one, `/v1/runs/${run.run_id}`)).body.data.environment_id).toBe(uuidOf(one));
    const cancelled = await json(`/v1/runs/${run.run_id}`, { method: "DELETE", headers: as(other) });
    expect(cancelled.status).toBe(404);
    expect((await read(other, `/v1/events/${foreign}/runs`)).body.data).toEqual([]);
  });

  it("is listed under its name, slash and all", async () => {
    const branch = newBranch();
    await register(branch);
    expect(branch).toContain("/");
    expect((await read(branch, "/v1/envs")).body.data).toContainEqual({ name: branch, is_main: false });
    expect((await read(branch, "/v1/functions")).body.data.length).toBeGreaterThan(0);
  });

  it("keys of flow control are its own", async () => {
    const [one, other] = [newBranch(), newBranch()];
    for (const branch of [one, other]) await register(branch);
    const paused = await post("/v1/functions/http-no-steps/pause", { triggers: "hold" }, as(one));
    expect(paused.body.data.paused).not.toBeNull();
    expect((await read(other, "/v1/functions/http-no-steps")).body.data.paused).toBeNull();
    expect(await endedIn(other, await sendIn(other, { name: "http/no-steps", data: { n: 2 } }))).toMatchObject({
      status: "Completed",
    });
  });

  it("functions inside the Worker live in main: an event of a branch does not start them", async () => {
    const branch = newBranch();
    const id = await sendIn(branch, { name: "local/no-steps", data: { n: 1 } });
    expect((await read(branch, `/v1/events/${id}/runs`)).body.data).toEqual([]);
    expect((await read(branch, "/v1/functions")).body.data).toEqual([]);
  });

  it("the event API takes the name from the query too, and the header wins", async () => {
    const [one, other] = [newBranch(), newBranch()];
    const asked = await post(`/e/key?x-inngest-env=${encodeURIComponent(one)}`, { name: "n" });
    expect((await read(one, `/v1/events/${asked.body.ids[0]}`)).status).toBe(200);
    const both = await post(`/e/key?x-inngest-env=${encodeURIComponent(one)}`, { name: "n" }, as(other));
    expect((await read(other, `/v1/events/${both.body.ids[0]}`)).status).toBe(200);
  });

  it("main is where requests without a name go, and those that name it", async () => {
    const { body } = await post("/e/key", { name: "n" }, as("main"));
    expect((await json(`/v1/events/${body.ids[0]}`)).status).toBe(200);
  });

  it("an app that is asked in main and says that it is of another is registered there, where its events go", async () => {
    const synced = await post("/v1/apps/sync", { url: `${APP_ORIGIN}/branched` });
    expect(synced).toMatchObject({ status: 200, body: { data: { app_id: "branched", env: "preview/served" } } });
    expect(synced.body.data.functions).toContain("branched-no-steps");
    expect((await read("main", "/v1/apps/branched")).status).toBe(404);
    const run = await endedIn(
      "preview/served",
      await sendIn("preview/served", { name: "branched/no-steps", data: { n: 1 } }),
    );
    expect(run).toMatchObject({ status: "Completed", output: { got: 1 } });
    const elsewhere = await post("/v1/apps/sync", { url: `${APP_ORIGIN}/branched` }, as("asked-for"));
    expect(elsewhere.body.data).toMatchObject({ app_id: "branched", env: "asked-for" });
  });

  it("an SDK that names no environment when it reads a run's state gets that of the run's own; people name it", async () => {
    const branch = newBranch();
    await register(branch);
    const run = await endedIn(branch, await sendIn(branch, { name: "http/sequence", data: { n: 1 } }));
    const actions = `/v0/runs/${run.run_id}/actions`;
    expect(await json(actions)).toEqual(await read(branch, actions));
    expect((await json(`/v0/runs/${run.run_id}/batch`)).body).toMatchObject([{ name: "http/sequence" }]);
    expect((await read("main", actions)).status).toBe(404);
    expect((await json(`/v1/runs/${run.run_id}`)).status).toBe(404);
    const before = await objectIds();
    expect((await json("/v0/runs/01ARZ3NDEKTSV4RRFFQ69G5FAV/actions")).status).toBe(404);
    expect(await objectIds()).toEqual(before);
  });

  it("looking creates none", async () => {
    const branch = newBranch();
    const before = await objectIds();
    for (const path of ["/v1/events", "/v1/apps", "/v1/functions", "/v1/parked", "/v1/cancellations", "/dev"])
      expect(await read(branch, path), path).toMatchObject({ status: 404, body: { code: "env_not_found" } });
    expect((await post("/v1/runs/01ARZ3NDEKTSV4RRFFQ69G5FAV/wake", {}, as(branch))).status).toBe(404);
    expect(await objectIds()).toEqual(before);
    expect((await read("main", "/v1/envs")).body.data.map(({ name }: any) => name)).not.toContain(branch);
  });

  it.each(["a b", "ä", "/a", "-x", "x".repeat(65), "a:b"])("a name such as %j is refused, and named", async (name) => {
    const query = `x-inngest-env=${encodeURIComponent(name)}`;
    const { status, body } = await post(`/e/key?${query}`, { name: "n" });
    expect({ status, body }).toMatchObject({ status: 400, body: { code: "env_invalid", status: 400 } });
    expect(body.error).toContain("x-inngest-env");
  });

  it("a platform with a production key takes no notice of it, as Inngest's does", async () => {
    configure({ INNGEST_SIGNING_KEY: "signkey-prod-0123456789abcdef" });
    const { body } = await post("/e/key", { name: "n" }, as("master"));
    expect((await json(`/v1/events/${body.ids[0]}`)).status).toBe(200);
  });

  it("a wrong key opens none", async () => {
    const branch = newBranch();
    configure({ INNGEST_DEV: "", INNGEST_EVENT_KEY: "key", INNGEST_SIGNING_KEY: "signkey-branch-0123456789abcdef" });
    expect((await post("/e/wrong", { name: "n" }, as(branch))).status).toBe(401);
    expect((await register(branch)).status).toBe(401);
    expect((await request("/v1/events", { headers: as(branch) })).status).toBe(401);
    configure({ INNGEST_DEV: "1" });
    expect((await read("main", "/v1/envs")).body.data.map(({ name }: any) => name)).not.toContain(branch);
  });

  it("the minute's cron sees to it, and there are only so many; one that is forgotten makes room", async () => {
    const names = async () => (await read("main", "/v1/envs")).body.data.map(({ name }: any) => name) as string[];
    for (let n = (await names()).length; n <= ENVIRONMENTS_MAX; n++) await sendIn(`full-${n}`, { name: "n" });
    const refused = await post("/e/key", { name: "n" }, as("one-too-many"));
    expect(refused).toMatchObject({ status: 422, body: { code: "env_limit", status: 422 } });
    expect(refused.body.error).toContain(`${ENVIRONMENTS_MAX}`);
    await platform.scheduled!(createScheduledController(), env as Cloudflare.Env, createExecutionContext());

    const [, first = ""] = await names();
    expect((await json(`/v1/envs/${first}`, { method: "DELETE" })).status).toBe(200);
    expect((await read(first, "/v1/apps")).status).toBe(404);
    await sendIn("one-too-many", { name: "n" });
    expect(await json("/v1/envs/main", { method: "DELETE" })).toMatchObject({ status: 409 });
  });
});
