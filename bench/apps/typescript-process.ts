/** The process of `typescript.ts`: `node typescript-process.ts <client> <platform's URL>`. */
import { once } from "node:events";
import { createServer, type RequestListener } from "node:http";
import type { AddressInfo } from "node:net";
import { now, syncClock } from "../clock.ts";
import { benchFunctions, type Report } from "../functions.ts";
import { ownFunctions } from "../own-functions.ts";
import type { Message, TypeScriptApp } from "./typescript.ts";

const APP_PATH = "/api/inngest";
/** A call that meets a connection as it closes would be made twice. */
const KEEP_ALIVE_MS = 600_000;
const SYNC_CLOCK_EVERY_MS = 10_000;

const silent = { info() {}, warn() {}, debug() {}, error: console.error };

const listeners: Record<TypeScriptApp, (baseUrl: string, report: Report) => Promise<RequestListener>> = {
  async http(baseUrl, report) {
    const { Inngest } = await import("../../src/sdk/index.ts");
    const { serve } = await import("../../src/serve/node.ts");
    const client = new Inngest({ id: "http", isDev: true, baseUrl, logger: silent });
    return serve({ client, functions: ownFunctions(client, report, now) });
  },
  async v4(baseUrl, report) {
    const { Inngest } = await import("inngest-v4");
    const { serve } = await import("inngest-v4/node");
    const client = new Inngest({ id: "v4", isDev: true, baseUrl, logger: silent });
    type Handler = Parameters<typeof client.createFunction>[1];
    const define = (options: { id: string }, event: string, handler: unknown) =>
      client.createFunction({ ...options, triggers: [{ event }] }, handler as Handler);
    return serve({ client, functions: benchFunctions({ id: "v4", define }, report, now) });
  },
  async v3(baseUrl, report) {
    const { Inngest } = await import("inngest-v3");
    const { serve } = await import("inngest-v3/node");
    const client = new Inngest({ id: "v3", isDev: true, baseUrl, logger: silent });
    type Handler = Parameters<typeof client.createFunction>[2];
    const define = (options: { id: string }, event: string, handler: unknown) =>
      client.createFunction(options, { event }, handler as Handler);
    return serve({ client, functions: benchFunctions({ id: "v3", define }, report, now) });
  },
};

const tell = (message: Message) => void process.send?.(message);

const [kind = "", platformUrl = ""] = process.argv.slice(2);
const listener = await listeners[kind as TypeScriptApp](platformUrl, (mark) => tell({ mark }));
const server = createServer({ keepAliveTimeout: KEEP_ALIVE_MS }, listener);
server.listen(0, "127.0.0.1");
await once(server, "listening");
const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}${APP_PATH}`;
const response = await fetch(url, { method: "PUT" });
const answer = await response.text();
if (!response.ok) throw new Error(`${kind} did not sync: ${response.status} ${answer}`);
syncClock();
setInterval(syncClock, SYNC_CLOCK_EVERY_MS);
process.once("disconnect", () => process.exit(0)); // whoever has started it is gone
tell({ ready: url });
