/** App and engine in one Worker: steps run beside their journal, without HTTP in between. */
import { Inngest } from "@dotdo/inngest";
import { createWorker } from "@dotdo/inngest/worker";
import { Hono } from "hono";

// Named in wrangler.toml, so they have to be exports of the entry.
export {
  ChannelDO,
  ConcurrencyDO,
  ConnectDO,
  EventDO,
  HistoryDO,
  HttpCall,
  RegistryDO,
  StepDO,
} from "@dotdo/inngest/worker";

const inngest = new Inngest({ id: "shop" });

const signup = inngest.createFunction({ id: "signup" }, { event: "user/signed-up" }, async ({ event, step }) => {
  const account = await step.run("create-account", () => ({ email: event.data.email, plan: "trial" }));
  await step.sleep("trial", "14d");
  return step.run("remind", () => `Reminded ${account.email}`);
});

const app = new Hono();
app.post("/signup", async (c) => {
  const { email } = await c.req.json<{ email: string }>();
  const { ids } = await inngest.send({ name: "user/signed-up", data: { email } });
  return c.json({ ids }, 202);
});

export default createWorker({ client: inngest, functions: [signup], app });
