import { execFile, execFileSync, spawnSync } from "node:child_process";
import { copyFileSync, existsSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { createContext, Script } from "node:vm";
import { build } from "esbuild";
import { Miniflare } from "miniflare";
import { afterAll, beforeAll, beforeEach, describe, expect, inject, onTestFinished, test } from "vitest";
import { type ApiServer, apiServer } from "../serve/helpers/api-server.ts";

const runtimes = join(import.meta.dirname, "../runtimes");
const folder = inject("installed");

/** What `test/fixtures/smoke.mjs` and `smoke-test-kit.mjs` come to, the same wherever they run. */
const expected = {
  sent: { ids: ["01EVENT"] },
  called: {
    status: 206,
    body: [expect.objectContaining({ op: "StepRun", displayName: "greet", data: "Hello Ada" })],
  },
  slept: { days: 33, lines: 9 },
};
const fixtures = ["smoke.mjs", "smoke-test-kit.mjs"];

let api: ApiServer;

beforeAll(async () => {
  api = await apiServer(() => [200, { ids: ["01EVENT"], status: 200 }]);
  const lock = join(runtimes, "package-lock.json");
  const installed = join(runtimes, "node_modules/.package-lock.json");
  const isCurrent = existsSync(installed) && statSync(installed).mtimeMs >= statSync(lock).mtimeMs - 5_000;
  if (!isCurrent) execFileSync("npm", ["ci", "--silent"], { cwd: runtimes, stdio: ["ignore", "ignore", "inherit"] });

  for (const file of fixtures) copyFileSync(join(import.meta.dirname, "../fixtures", file), join(folder, file));
  writeFileSync(
    join(folder, "run-smoke.mjs"),
    `import { answerCall, send } from "./smoke.mjs";
     import { sleepForAMonth } from "./smoke-test-kit.mjs";
     const sent = await send(${JSON.stringify(api.url)});
     console.log(JSON.stringify({ sent, called: await answerCall(), slept: await sleepForAMonth() }));`,
  );
});

afterAll(() => {
  api.close();
  for (const file of [...fixtures, "run-smoke.mjs"]) rmSync(join(folder, file), { force: true });
});

describe("the package as npm installs it", () => {
  beforeEach(() => {
    api.seen.length = 0;
    return () => expect(api.seen.map(({ method, path }) => `${method} ${path}`)).toEqual(["POST /e/NO_EVENT_KEY_SET"]);
  });

  test.each([
    ["Node 20", /^v20\./, "node-20/bin/node", []],
    ["Node 22", /^v22\./, "node-22/bin/node", []],
    ["Node 24", /^v24\./, process.execPath, []],
    ["Node 26", /^v26\./, "node-26/bin/node", []],
    ["Bun", /^\d/, ".bin/bun", []],
    ["Deno", /^deno \d/, ".bin/deno", ["run", "--allow-net", "--allow-env", "--allow-read"]],
  ])("%s sends events, answers calls and tests a run of a month", async (_, version, program, options) => {
    const file = program.startsWith("/") ? program : join(runtimes, "node_modules", program);
    expect(execFileSync(file, ["--version"], { encoding: "utf8" })).toMatch(version);
    const { stdout } = await promisify(execFile)(file, [...options, "run-smoke.mjs"], { cwd: folder });
    expect(JSON.parse(stdout)).toEqual(expected);
  });

  test("the command prints its help under Node 20, and says what dev needs", () => {
    const old = join(runtimes, "node_modules/node-20/bin/node");
    const command = join(folder, "node_modules/@dotdo/inngest/dist/cli/main.js");
    const run = (...args: string[]) => spawnSync(old, [command, ...args], { cwd: folder, encoding: "utf8" });
    expect(run("--help")).toMatchObject({ status: 0, stderr: "", stdout: expect.stringContaining("dev [options]") });
    expect(run("dev")).toMatchObject({ status: 1, stderr: expect.stringContaining("inngest dev needs Node 22") });
  });

  test("a Worker does so without Node's modules", async () => {
    const script = await bundle(`
      import { answerCall, send } from "./smoke.mjs";
      import { sleepForAMonth } from "./smoke-test-kit.mjs";
      export default { async fetch() {
        const node = await import("node:buffer").then(() => "there", () => "absent");
        const sent = await send("${api.url}");
        return Response.json({ node, sent, called: await answerCall(), slept: await sleepForAMonth() });
      } };`);
    const worker = new Miniflare({
      workers: [
        {
          config: {
            name: "smoke",
            compatibilityDate: "2026-10-23",
            compatibilityFlags: ["no_nodejs_compat", "no_nodejs_compat_v2"],
            manifest: {
              mainModule: "worker.js",
              modulesRoot: folder,
              modules: { "worker.js": { type: "esm", contents: script } },
            },
          },
        },
      ],
    });
    onTestFinished(() => worker.dispose());
    const answer = await worker.dispatchFetch("http://localhost/");
    expect(await answer.json()).toEqual({ node: "absent", ...expected });
  });

  test("a browser sends events: nothing but what pages have is there", async () => {
    const script = await bundle(`import { send } from "./smoke.mjs"; globalThis.sent = send("${api.url}");`, "iife");
    // of a page's globals, those that the core needs; `process`, `Buffer` and `require` are not among them
    const page = {
      fetch,
      Headers,
      Request,
      Response,
      URL,
      TextEncoder,
      TextDecoder,
      crypto,
      btoa,
      setTimeout,
      clearTimeout,
    };
    const window = createContext({ ...page, AbortSignal, AbortController, console });
    new Script(script).runInContext(window);
    expect(await window.sent).toEqual(expected.sent);
  });
});

/** As an app's own bundler would do it, for the browser or a Worker. */
async function bundle(code: string, format: "esm" | "iife" = "esm"): Promise<string> {
  const { outputFiles } = await build({
    stdin: { contents: code, resolveDir: folder },
    bundle: true,
    write: false,
    format,
    platform: "browser",
    external: ["node:*"],
    logLevel: "silent",
  });
  return outputFiles[0]?.text ?? "";
}

test("the command says which Node it needs", () => {
  const node = join(runtimes, "node_modules/node-20/bin/node");
  const command = join(folder, "node_modules/.bin/inngest");
  const version = readFileSync(join(runtimes, "node_modules/node-20/package.json"), "utf8");
  const message = `inngest: inngest dev needs Node 22 or newer; this is Node ${(JSON.parse(version) as { version: string }).version}`;
  expect(() => execFileSync(node, [command, "dev"], { stdio: "pipe" })).toThrow(message);
});
