import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, inject, test } from "vitest";
import { emptyProject, npm } from "./pack.ts";

const repository = join(import.meta.dirname, "../..");
const { devDependencies } = JSON.parse(readFileSync(join(repository, "package.json"), "utf8")) as {
  devDependencies: Record<string, string>;
};

const files = {
  "order.ts": `
    import { Inngest } from "@dotdo/inngest";

    export const client = new Inngest({ id: "shop", logger: { debug() {}, info() {}, warn() {}, error() {} } });
    export const order = client.createFunction(
      { id: "order" },
      { event: "order/placed" },
      async ({ event, step }) => {
        const charge = await step.run("charge", () => ({ id: "ch_1", at: new Date(0) }));
        await step.sleep("cool-down", "30d");
        await step.sendEvent("tell", { name: "order/shipped", data: { orderId: event.data.orderId } });
        return { shipped: true, charge };
      },
    );
  `,
  "order.node.ts": `
    import assert from "node:assert/strict";
    import { test } from "node:test";
    import { assertCompleted, assertSent, assertWaitingFor, createTestPlatform } from "@dotdo/inngest/test";
    import { order } from "./order.ts";

    const start = () =>
      createTestPlatform({ functions: [order] }).send({ name: "order/placed", data: { orderId: "o1" } });

    test("an order is shipped after a month", async () => {
      const { run } = await start();
      assertWaitingFor(run, "sleep:cool-down");
      await run.waitFor("end");
      assertCompleted(run, { shipped: true, charge: { id: "ch_1", at: new Date(0) } });
      assertSent(run, { name: "order/shipped", data: { orderId: "o1" } }, 1);
      assert.equal(run.steps.length, 3);
    });

    test("this one fails", async () => {
      const { run } = await start();
      assertCompleted(await run.waitFor("end"), { shipped: false });
    });
  `,
  "order.test.ts": `
    import "@dotdo/inngest/test/vitest";
    import { createTestPlatform } from "@dotdo/inngest/test";
    import { expect, test } from "vitest";
    import { order } from "./order.ts";

    test("an order is shipped after a month", async () => {
      const platform = createTestPlatform({ functions: [order] });
      const { run } = await platform.send({ name: "order/placed", data: { orderId: "o1" } });
      expect(run).toBeWaitingFor("sleep:cool-down");
      expect(run).not.toHaveCompleted();
      await run.waitFor("end");
      expect(run).toHaveRunStep("charge", { times: 1, output: { id: expect.any(String), at: new Date(0) } });
      expect(run).toHaveCompleted(expect.objectContaining({ shipped: true }));
      expect(platform).toHaveSent({ name: "order/shipped", data: { orderId: "o1" } }, 1);
    });

    test("a wrong id is told by the compiler as well", async () => {
      const { run } = await createTestPlatform({ functions: [order] }).send({ name: "order/placed", data: {} });
      // @ts-expect-error a step's id is a string
      expect(() => expect(run).toHaveRunStep(1)).toThrow("1 is not a step's id");
    });
  `,
};

let folder: string;
beforeAll(() => {
  folder = emptyProject(realpathSync(mkdtempSync(join(tmpdir(), "inngest-kit-"))), "app");
  writeFileSync(join(folder, "package.json"), JSON.stringify({ name: "app", private: true, type: "module" }));
  npm(folder, "install", inject("tarball"), `vitest@${devDependencies.vitest}`);
  for (const [name, code] of Object.entries(files)) writeFileSync(join(folder, name), code);
});
afterAll(() => rmSync(join(folder, ".."), { recursive: true, force: true }));

/** What a command prints, and how it ends. */
function run(program: string, ...args: string[]): { status: number | null; output: string } {
  const env = { PATH: process.env.PATH, NO_COLOR: "1" }; // without what this test's own Vitest sets
  const { status, stdout, stderr } = spawnSync(program, args, { cwd: folder, encoding: "utf8", env });
  return { status, output: stdout + stderr };
}

describe("in a project that has installed the package", () => {
  test("node:test runs months in an instant, and shows why a test fails", () => {
    const { status, output } = run(process.execPath, "--test", "--test-reporter=spec", "order.node.ts");
    expect(status, output).toBe(1);
    expect(output).toContain("pass 1\n");
    expect(output).toContain("fail 1\n");
    expect(output).toContain('expected run of "shop-order" to have completed with that output');
    expect(output).toContain('+30d  completed with {"shipped":true');
    expect(output).toMatch(/expected: \{ shipped: false \}/);
  });

  test("Vitest has the matchers", () => {
    const { status, output } = run(process.execPath, "node_modules/vitest/vitest.mjs", "run");
    expect(status, output).toBe(0);
    expect(output).toMatch(/Tests +2 passed/);
  });

  test("TypeScript knows kit and matchers", () => {
    const compilerOptions = {
      noEmit: true,
      strict: true,
      skipLibCheck: true,
      module: "nodenext",
      target: "es2023",
      types: [],
      allowImportingTsExtensions: true,
    };
    writeFileSync(join(folder, "tsconfig.json"), JSON.stringify({ compilerOptions, files: ["order.test.ts"] }));
    const tsc = join(repository, "node_modules/typescript/bin/tsc");
    expect(run(process.execPath, tsc, "-p", folder)).toEqual({ status: 0, output: "" });
  });
});
