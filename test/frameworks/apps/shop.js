/** The app that every framework serves. Keys and addresses come from variables, by whatever way the platform has. */
import { Inngest } from "@dotdo/inngest";

function makeOptions(client) {
  const greet = client.createFunction({ id: "greet" }, { event: "shop/greet" }, async ({ event, step }) => {
    const greeting = await step.run("greet", () => `hello ${event.data.name}`);
    return { greeting };
  });
  const slow = client.createFunction({ id: "slow" }, { event: "shop/slow" }, ({ step, event }) =>
    step.run("wait", async () => (await fetch(event.data.releaseUrl)).text()),
  );
  return { client, functions: [greet, slow] };
}

/** `plain` is in development, `signed` in production, `streaming` in development and streams its answers. */
export function makeHandlers(serve, { canStream = true } = {}) {
  const client = (id, isDev) => makeOptions(new Inngest({ id, isDev }));
  return {
    plain: serve(client("shop", true)),
    signed: serve(client("signed", false)),
    ...(canStream ? { streaming: serve({ ...client("streaming", true), streaming: true }) } : {}),
  };
}
