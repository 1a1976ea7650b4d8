/** Streaming apps of several frameworks, called by the platform itself. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Inngest, NonRetriableError } from "@dotdo/inngest";
import { serve as serveExpress } from "@dotdo/inngest/express";
import { fastifyPlugin } from "@dotdo/inngest/fastify";
import { serve as serveKoa } from "@dotdo/inngest/koa";
import { serve as serveNode } from "@dotdo/inngest/node";
import express from "express";
import Fastify from "fastify";
import Koa from "koa";
import { afterAll, beforeAll, expect, test } from "vitest";
import { register } from "../helpers/app-server.ts";
import { isEnded, readRun, runsOf, send, until } from "../helpers/platform-api.ts";
import { spawnPlatform, type PlatformProcess } from "../helpers/platform-process.ts";
import { listen } from "./servers.ts";

const stateDir = mkdtempSync(join(tmpdir(), "inngest-frameworks-"));
const ends: (() => unknown)[] = [];
let platform: PlatformProcess;

/** An app whose function needs four calls, and one whose step fails for good. */
function app(id: string) {
  const client = new Inngest({ id, baseUrl: platform.url, isDev: true });
  const bill = client.createFunction({ id: "bill" }, { event: "shop/ordered" }, async ({ event, step }) => {
    const [net, tax] = await Promise.all([
      step.run("net", () => event.data.net as number),
      step.run("tax", () => (event.data.net as number) * 0.2),
    ]);
    return { by: id, total: net + tax };
  });
  const refuse = client.createFunction({ id: "refuse" }, { event: "shop/refused" }, async ({ step }) => {
    await step.run("check", () => {
      throw new NonRetriableError("out of stock");
    });
  });
  return { client, functions: [bill, refuse], streaming: true };
}

beforeAll(async () => {
  platform = await spawnPlatform({ stateDir, worker: "src/platform.ts" });
  ends.push(() => platform.stop());
  const fastify = Fastify({ forceCloseConnections: true });
  const { client, functions, streaming } = app("fastify");
  fastify.register(fastifyPlugin, { client, functions, options: { streaming } });
  ends.push(() => fastify.close());
  const koa = serveKoa(app("koa"));
  const listeners = [
    express().use("/api/inngest", serveExpress(app("express"))),
    serveNode(app("node")),
    new Koa().use((ctx) => koa(ctx)).callback(),
  ];
  const servers = await Promise.all(listeners.map((listener) => listen(listener)));
  ends.push(...servers.map((server) => server.close));
  const urls = [await fastify.listen({ port: 0, host: "127.0.0.1" }), ...servers.map((server) => server.url)];
  for (const url of urls) await register(url);
});
afterAll(async () => {
  for (const end of ends.toReversed()) await end();
  rmSync(stateDir, { recursive: true });
});

const endedRuns = async (name: string, data: object) => {
  const [eventId] = await send(platform.url, { name, data });
  const runs = await until("the four runs have ended", 30_000, async () => {
    const all = await runsOf(platform.url, eventId!);
    return all.length === 4 && all.every(isEnded) && all;
  });
  return Promise.all(runs.map((run) => readRun(platform.url, run.run_id)));
};

test("runs of streaming apps complete", async () => {
  const runs = await endedRuns("shop/ordered", { net: 10 });
  expect(runs.map((run) => run.status)).toEqual(Array(4).fill("Completed"));
  const outputs = runs.map((run) => run.output as { by: string; total: number });
  expect(outputs.toSorted((a, b) => a.by.localeCompare(b.by))).toEqual(
    ["express", "fastify", "koa", "node"].map((by) => ({ by, total: 12 })),
  );
});

test("an error in a stream fails the run at once when the app says so", async () => {
  for (const run of await endedRuns("shop/refused", {}))
    expect(run).toMatchObject({ status: "Failed", error: { message: "out of stock" } });
});
