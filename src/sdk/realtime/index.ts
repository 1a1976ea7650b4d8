/** `@dotdo/inngest/realtime`: channels, and subscribing to them. */
export { staticSchema } from "../schema.ts";
export { channel, realtime } from "./channel.ts";
export { RealtimeError } from "./service.ts";
export { subscribe } from "./subscribe.ts";
export { getClientSubscriptionToken, getSubscriptionToken } from "./token.ts";
export type { Realtime } from "./types.ts";
