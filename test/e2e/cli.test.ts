/** The commands as people and scripts run them, against a platform that really runs. */
import { once } from "node:events";
import { writeFileSync } from "node:fs";
import { createServer, type RequestListener } from "node:http";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from "vitest";
import { CliStage } from "../helpers/cli-stage.ts";
import { endedRun, readRun, until } from "../helpers/platform-api.ts";
import { freePort } from "../helpers/platform-process.ts";

let stage: CliStage;
beforeAll(async () => {
  stage = await CliStage.open();
});
afterAll(async () => stage?.close());

describe("events", () => {
  test("one is sent by name and data, its id alone on stdout, and what it started is told", async () => {
    const sent = await stage.inngest('events send shop/hello --data {"name":"Ada"}');
    expect(sent).toMatchObject({ code: 0, stdout: expect.stringMatching(/^[0-9A-Z]{26}\n$/) });
    const id = sent.stdout.trim();
    expect(sent.stderr).toContain(`inngest events get ${id}`);
    const run = await endedRun(stage.platform.url, id);
    const got = await stage.inngest(`events get ${id}`);
    expect(got.stdout).toMatch(new RegExp(`${run.run_id}\\s+Completed\\s+shop-greet`));
    expect(await stage.json(`events get ${id}`)).toMatchObject({ name: "shop/hello", runs: [{ run_id: run.run_id }] });
  });

  test("a file may hold many, and they are listed by name, the newest first", async () => {
    const events = ["first", "second", "third"].map((which) => ({ name: "shop/listed", data: { which } }));
    writeFileSync(join(stage.folder, "events.json"), JSON.stringify(events));
    const { ids } = await stage.json<{ ids: string[] }>("events send --file events.json");
    expect(ids).toHaveLength(3);
    const page = await stage.json<{ data: { data: unknown }[]; page: { cursor: string } }>(
      "events list --name shop/listed --limit 2",
    );
    expect(page.data.map(({ data }) => data)).toEqual([{ which: "third" }, { which: "second" }]);
    const rest = await stage.inngest(`events list --name shop/listed --cursor ${page.page.cursor}`);
    expect(rest.stdout).toContain('{"which":"first"}');
    expect(rest.stdout).not.toContain("second");
  });

  test("what is no event is refused in the platform's words", async () => {
    expect(await stage.inngest("events send --file -", { input: '{"data":{}}' })).toMatchObject({
      code: 1,
      stdout: "",
      stderr: expect.stringMatching(/^inngest: .*name/),
    });
  });
});

describe("functions", () => {
  test("they are listed with what starts them", async () => {
    const { stdout } = await stage.inngest("functions list");
    expect(stdout).toMatch(/shop-greet\s+shop\s+shop\/hello\s+local\s+active/);
    expect(await stage.json("functions get shop-greet")).toMatchObject({ slug: "shop-greet", paused: null });
  });

  test("one is invoked, and its outcome is the exit code: 0 when it completes, 3 when it fails", async () => {
    const good = await stage.inngest('functions invoke shop-greet --data {"name":"Eve"} --wait');
    expect(good).toMatchObject({ code: 0, stdout: expect.stringContaining('Output\n"Hello EVE"') });
    const bad = await stage.inngest("functions invoke shop-fail --wait");
    expect(bad).toMatchObject({ code: 3, stdout: expect.stringContaining("no money") });
  });

  test("one is paused and resumed", async () => {
    expect((await stage.inngest("functions pause shop-wait --hold")).stdout).toBe(
      "shop-wait is paused: what would start it waits and starts when it is resumed\n",
    );
    expect((await stage.inngest("functions list")).stdout).toMatch(/shop-wait .*paused \(hold\)/);
    const doctor = await stage.inngest("doctor");
    expect(doctor.stdout).toContain(
      "warning  functions: paused: shop-wait\n         → inngest functions resume shop-wait",
    );
    expect((await stage.inngest("functions resume shop-wait")).stdout).toBe("shop-wait is not paused\n");
  });

  test("an unknown one is told with where to look", async () => {
    expect(await stage.inngest("functions invoke shop-nothing")).toEqual({
      code: 1,
      stdout: "",
      stderr:
        'inngest: function "shop-nothing" is not registered; GET /v1/functions lists those that are, by slug and id\n',
    });
  });
});

describe("runs", () => {
  test("one is shown with its steps, what it waits for, and where its page is", async () => {
    const { runId } = await stage.waiting();
    const { stdout } = await stage.inngest(`runs get ${runId}`);
    expect(stdout).toContain("Status    Running\nFunction  shop-wait (version 1)\nTrigger   shop/wait ");
    expect(stdout).toMatch(/Waits {5}waits in "answer" for shop\/answer, \d+ min( \d+ s)? at most/);
    expect(stdout).toContain(`Page      ${stage.platform.url}/runs/${runId}`);
    expect(stdout).toMatch(/before\s+run\s+completed\s+1\s+\d+ ms\s+1\n/);
    expect(await stage.json(`runs get ${runId}`)).toMatchObject({ run_id: runId, status: "Running" });
  });

  test("waiting for the end gives up after --timeout with exit code 4, and the run goes on", async () => {
    const { runId } = await stage.waiting();
    expect(await stage.inngest(`runs get ${runId} --wait --timeout 300ms`)).toEqual({
      code: 4,
      stdout: "",
      stderr: `inngest: run ${runId} has not ended within 300 ms; it goes on: inngest runs tail ${runId}\n`,
    });
    expect((await readRun(stage.platform.url, runId)).status).toBe("Running");
  });

  test("tail tells steps as they end and ends with the run", async () => {
    const { runId } = await stage.waiting();
    const tail = stage.start(["runs", "tail", runId]);
    await until("it tells what the run waits for", 10_000, async () =>
      tail.output.stdout.includes('waits in "answer"'),
    );
    expect(tail.output.stdout).toMatch(/^\d\d:\d\d:\d\d {2}completed {2}before {2}/);
    await stage.inngest('events send shop/answer --data {"said":"yes"}');
    const { code, stdout } = await tail.ended;
    expect(code).toBe(0);
    expect(stdout).toMatch(/completed {2}answer {2}.*\n.*run Completed\n\nOutput\n\{\n {2}"said": "yes"\n\}\n$/);
  });

  test("tail --json is one JSON value a line, and a failed run is exit code 3", async () => {
    const { runId } = await stage.started("shop/fail");
    const { code, stdout } = await stage.inngest(`runs tail ${runId} --json`);
    expect(code).toBe(3);
    const lines = stdout
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line) as { type: string; status?: string });
    expect(lines.at(-1)).toMatchObject({ type: "run", status: "Failed", run_id: runId });
    expect(lines).toContainEqual(expect.objectContaining({ type: "step", step: "pay", status: "failed" }));
  });

  test("runs are cancelled by id; one that has ended is told, and is exit code 1", async () => {
    const { runId } = await stage.waiting();
    expect(await stage.inngest(`runs cancel ${runId}`)).toEqual({
      code: 0,
      stdout: `${runId} cancelled\n`,
      stderr: "",
    });
    expect(await stage.inngest(`runs cancel ${runId}`)).toEqual({
      code: 1,
      stdout: "",
      stderr: `inngest: run ${runId} has already ended\n`,
    });
    expect((await stage.inngest(`runs get ${runId} --wait`)).code).toBe(3);
  });

  test("an unknown one is 1, with the platform's words", async () => {
    const id = "01KDVDNA00ZPVETBFAA9NCMVK2";
    expect(await stage.inngest(`runs get ${id}`)).toEqual({
      code: 1,
      stdout: "",
      stderr: `inngest: run ${id} not found\n`,
    });
  });
});

describe("apps", () => {
  test("they are listed; one that cannot be synced is told with what to do", async () => {
    expect((await stage.inngest("apps list")).stdout).toMatch(/shop\s+ok\s+3\s+.*in the platform's Worker\n$/);
    const url = `http://127.0.0.1:${await freePort()}/api/inngest`;
    const failed = await stage.inngest(`apps sync ${url}`);
    expect(failed).toMatchObject({ code: 1, stdout: "" });
    expect(failed.stderr).toContain(url);
  });
});

/** A server that is not our platform, on a port of its own. */
async function served(listener: RequestListener): Promise<string> {
  const server = createServer(listener).listen(0, "127.0.0.1");
  await once(server, "listening");
  onTestFinished(() => void server.close());
  return `http://127.0.0.1:${(server.address() as { port: number }).port}`;
}

function answering(status: number, body: string, headers: Record<string, string> = {}): Promise<string> {
  return served((_, response) => response.writeHead(status, headers).end(body));
}

describe("a platform that is not as it should be", () => {
  test("none there: how to start one", async () => {
    const url = `http://127.0.0.1:${await freePort()}`;
    expect(await stage.inngest("apps list", { url })).toEqual({
      code: 1,
      stdout: "",
      stderr: `inngest: No platform answers at ${url} (ECONNREFUSED); start the platform: npx @dotdo/inngest dev; or say where it is: --url or INNGEST_BASE_URL\n`,
    });
  });

  test.each([
    ["without a key", {}, "give its signing key"],
    ["with a wrong key", { INNGEST_SIGNING_KEY: "signkey-test-00" }, "give the right signing key"],
  ])("401 %s", async (_, env: Record<string, string>, remedy) => {
    const url = await answering(401, '{"error":"no","status":401,"data":null}');
    expect((await stage.inngest("apps list", { url, env })).stderr).toBe(
      `inngest: ${url}: no; ${remedy}: --key or INNGEST_SIGNING_KEY\n`,
    );
  });

  test("an older one: the route that it lacks", async () => {
    const url = await answering(404, '{"error":"nothing is served at GET /v1/runs/x/export","status":404}');
    expect((await stage.inngest("runs export 01KDVDNA00ZPVETBFAA9NCMVK2", { url })).stderr).toBe(
      `inngest: The platform at ${url} is older than this command: it has no GET /v1/runs/:id/export; update @dotdo/inngest there\n`,
    );
  });

  test("another server, or a login page: said, and the key is not sent on", async () => {
    const page = await answering(200, "<html>");
    expect((await stage.inngest("apps list", { url: page })).stderr).toContain(
      "does not answer as a platform of @dotdo/inngest",
    );
    let isAsked = false;
    const login = await served((_, response) => {
      isAsked = true;
      response.end("{}");
    });
    const url = await answering(302, "", { location: login });
    expect((await stage.inngest("apps list --key secret", { url })).stderr).toContain(`it redirects to ${login}`);
    expect(isAsked).toBe(false);
  });

  test("key and environment are sent as the API wants them", async () => {
    let seen: unknown;
    const url = await served(({ headers }, response) => {
      seen = { authorization: headers.authorization, env: headers["x-inngest-env"] };
      response.end('{"data":[]}');
    });
    await stage.inngest("apps list --key k1 --env feature-x", { url });
    expect(seen).toEqual({ authorization: "Bearer k1", env: "feature-x" });
  });
});

describe("doctor", () => {
  test("a platform in order has no fault, and is exit code 0", async () => {
    const findings = await stage.json<{ check: string; status: string }[]>("doctor");
    const statuses = Object.fromEntries(findings.map(({ check, status }) => [check, status]));
    expect(statuses).toMatchObject({
      node: "ok",
      wrangler: "ok",
      runtime: "ok",
      platform: "ok",
      mode: "ok",
      version: "ok",
      "signing key": "ok",
      "event key": "ok",
      clock: "ok",
      "app shop": "ok",
      objects: "ok",
      events: "ok",
    });
  });

  test("an app that cannot be synced is a fault with its reason, and exit code 1", async () => {
    const url = `http://127.0.0.1:${await freePort()}/api/inngest`;
    await stage.inngest(`apps sync ${url}`);
    const { code, stdout } = await stage.inngest("doctor");
    expect(code).toBe(1);
    expect(stdout).toContain(`fail     app ${url}: `);
    expect(stdout).toContain(`→ then: inngest apps sync ${url}`);
    await fetch(`${stage.platform.url}/fn/remove?url=${url}`, { method: "DELETE" });
  });

  test("no platform: said with the remedy, and nothing else is asked", async () => {
    const url = `http://127.0.0.1:${await freePort()}`;
    const { code, stdout } = await stage.inngest("doctor", { url });
    expect(code).toBe(1);
    expect(stdout).toContain(`fail     platform: No platform answers at ${url} (ECONNREFUSED)`);
    expect(stdout).not.toContain("signing key");
  });

  test("wrong keys, a wrong clock, an object and a dashboard that are missing are found", async () => {
    const ours = { "x-dotdo-inngest": "1", "x-inngest-server-kind": "cloud" };
    const fetchedAt = new Date(Date.now() - 10 * 60_000).toISOString();
    const url = await served((request, response) => {
      const reply = (status: number, body: object) => response.writeHead(status, ours).end(JSON.stringify(body));
      if (request.url === "/health") return reply(200, { version: "0.0.1" });
      if (request.url?.startsWith("/e/")) return reply(401, { error: "Event key not found" });
      if (request.headers.authorization !== "Bearer right") return reply(401, { error: "no" });
      if (request.url === "/v1/lines") return reply(500, { error: "the platform failed to answer" });
      return reply(200, { data: [], metadata: { fetched_at: fetchedAt } });
    });
    const wrong = await stage.inngest("doctor --key wrong", { url, env: { INNGEST_EVENT_KEY: "e" } });
    expect(wrong.code).toBe(1);
    expect(wrong.stdout).toContain("fail     signing key: the platform does not take this one");
    expect(wrong.stdout).toContain("fail     event key: the platform does not take that of INNGEST_EVENT_KEY");
    expect(wrong.stdout).toContain("warning  version: the platform is 0.0.1");
    const right = await stage.inngest("doctor --key right", { url });
    expect(right.stdout).toContain("ok       signing key: the platform takes it");
    expect(right.stdout).toMatch(/fail {5}clock: .* 10 min.*signatures are refused after 5 minutes/);
    expect(right.stdout).toContain("warning  apps: none is registered");
    expect(right.stdout).toContain("fail     objects: no answer of ConcurrencyDO\n");
    expect(right.stdout).toContain("warning  dashboard: there is none at / or /inngest\n");
  });
});
