/** `@dotdo/inngest/webhooks`: who sent a delivery. `inngest.createWebhook` makes the webhook. */
export type { WebhookBody, WebhookDelivery } from "./delivery.ts";
export { github, type GitHubOptions } from "./github.ts";
export { hmac, type HmacOptions } from "./hmac.ts";
export type { Algorithm, Encoding } from "./signature.ts";
export { slack, type SlackOptions } from "./slack.ts";
export { standardWebhooks, type StandardWebhooksOptions } from "./standard-webhooks.ts";
export { stripe, type StripeOptions } from "./stripe.ts";
export type { Secret, UnverifiedDelivery, Verdict, Verifier } from "./verifier.ts";
export { InngestWebhook, type WebhookClient, type WebhookEvents, type WebhookOptions } from "./webhook.ts";
