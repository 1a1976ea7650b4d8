/** A database, made once, in the context of every handler. `curl -X PUT localhost:3000` would sync this app. */
import { dependencyInjectionMiddleware, Inngest } from "@dotdo/inngest";
import { serve } from "@dotdo/inngest/edge";

const database = new Map([["u1", "Ada"]]);

export const inngest = new Inngest({
  id: "injected",
  isDev: true,
  middleware: [dependencyInjectionMiddleware({ database })],
});

export const greet = inngest.createFunction({ id: "greet" }, { event: "user/created" }, async (context) => {
  const { event, step, database: users } = context;
  const name = await step.run("find-user", () => users.get(event.data.userId) ?? "stranger");
  return `Hello ${name}`;
});

export default { fetch: serve({ client: inngest, functions: [greet] }) };
