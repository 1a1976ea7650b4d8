/** Errors of steps and runs, reported once they are final, with tags that lead to the run. */
import { Inngest } from "@dotdo/inngest";
import { serve } from "@dotdo/inngest/cloudflare";
import { sentryMiddleware } from "@dotdo/inngest/middleware/sentry";
import * as Sentry from "@sentry/cloudflare";

export const inngest = new Inngest({ id: "watched", isDev: true, middleware: [sentryMiddleware(Sentry)] });

export const charge = inngest.createFunction(
  { id: "charge", retries: 0 },
  { event: "order/created" },
  async ({ event, step, sentry }) => {
    sentry.setUser({ id: event.data.customerId });
    return step.run("charge-card", () => {
      throw new Error(`card of ${event.data.customerId} declined`);
    });
  },
);

const handler = serve({ client: inngest, functions: [charge] });

export default Sentry.withSentry((env: { SENTRY_DSN?: string }) => ({ dsn: env.SENTRY_DSN }), {
  fetch: (request: Request, env: { SENTRY_DSN?: string }, ctx: { waitUntil(promise: Promise<unknown>): void }) =>
    handler(request, env, ctx),
});
