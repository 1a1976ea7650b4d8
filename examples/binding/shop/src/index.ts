/** An app in a Worker of its own, which can be deployed alone. Its steps reach their journals by RPC, not by HTTP. */
import { env } from "cloudflare:workers";
import { Inngest } from "@dotdo/inngest";
import { functionsEntrypoint } from "@dotdo/inngest/cloudflare";
import { Hono } from "hono";

// Events that the app sends outside of its functions go by a binding, too. Those of its functions need none.
const inngest = new Inngest({ id: "shop", fetch: (input, init) => env.INNGEST.fetch(input, init) });

const signup = inngest.createFunction({ id: "signup" }, { event: "user/signed-up" }, async ({ event, step }) => {
  const account = await step.run("create-account", () => ({ email: event.data.email, plan: "trial" }));
  await step.sendEvent("tell", { name: "account/created", data: account });
  await step.sleep("trial", event.data.trial ?? "14d");
  return step.run("remind", () => `Reminded ${account.email}`);
});

/** What the platform's Worker has a binding to. */
export class Functions extends functionsEntrypoint({ client: inngest, functions: [signup] }) {}

const app = new Hono();
app.post("/signup", async (c) => {
  const { ids } = await inngest.send({ name: "user/signed-up", data: await c.req.json() });
  return c.json({ ids }, 202);
});

export default app;
