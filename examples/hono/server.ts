/**
 * A Hono app on Node whose functions the platform runs over HTTP.
 *
 *     npm run dev                      # the platform, in another shell
 *     node examples/hono/server.ts
 *     curl -X POST http://127.0.0.1:8288/e/dev -d '{"name":"demo/hello","data":{"name":"Ada"}}'
 */
import { serve as listen } from "@hono/node-server";
import { serve } from "@dotdo/inngest/hono";
import { Hono } from "hono";
import { setTimeout as delay } from "node:timers/promises";
import { hello, inngest, processOrder } from "./functions.ts";

const port = Number(process.env.APP_PORT ?? 3000);
const self = `http://127.0.0.1:${port}/api/inngest`;

const app = new Hono();
app.on(["GET", "PUT", "POST"], "/api/inngest", serve({ client: inngest, functions: [processOrder, hello] }));
app.get("/", (c) => c.text("The functions of this app are at /api/inngest"));

listen({ fetch: app.fetch, port, hostname: "127.0.0.1" }, () => void register());

/** Makes the app known to the platform, and waits for it when it is not there yet. */
async function register(): Promise<void> {
  for (let told = ""; ;) {
    const problem = await fetch(self, { method: "PUT" }).then((answer) => (answer.ok ? "" : answer.text()), String);
    if (problem === "") break;
    if (problem !== told) console.log(`shop: not registered yet: ${problem}`);
    told = problem;
    await delay(500);
  }
  console.log(`shop: registered ${self}`);
}
