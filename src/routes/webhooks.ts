import { Hono } from "hono";
import type { InngestWebhook } from "../sdk/webhook/webhook.ts";

/**
 * Webhooks of the Worker: `/webhooks/:id`. Each decides itself who may send, so no key is asked for, and in dev mode a
 * provider may come through a tunnel, whose host is not loopback. Other ids are the app's.
 */
export function webhookRoutes(webhooks: readonly InngestWebhook[]): Hono {
  const app = new Hono();
  for (const webhook of webhooks) app.all(`/webhooks/${webhook.id}`, (c) => webhook.fetch(c.req.raw, c.env));
  return app;
}

/**
 * Checks the webhooks given to `createWorker`.
 *
 * @throws TypeError naming the option, or the id that two of them share
 */
export function checkWebhooks(webhooks: readonly InngestWebhook[]): void {
  const ids = new Set<string>();
  for (const [index, webhook] of webhooks.entries()) {
    if (typeof webhook?.fetch !== "function" || typeof webhook.id !== "string")
      throw new TypeError(`createWorker: webhooks[${index}]: not made by createWebhook`);
    if (ids.has(webhook.id))
      throw new TypeError(
        `createWorker: webhooks: two have the id "${webhook.id}"; each needs its own, /webhooks/${webhook.id} is one URL`,
      );
    ids.add(webhook.id);
  }
}
