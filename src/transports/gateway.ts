import type { GatewayRequest, GatewayResult } from "../protocol/gateway.ts";
import { isPrivateTarget } from "../protocol/private-address.ts";

/** One request of a step, made from an invocation of its own, as calls to apps are: see {@link Post}. */
export type Exchange = (request: GatewayRequest) => Promise<GatewayResult>;

/**
 * Which addresses the platform asks on a user's behalf: in dev mode all, else public ones alone, since it may reach what
 * users must not (design §10).
 */
export function allowedTargets(isDev: boolean): (url: URL) => boolean {
  return (url) => (url.protocol === "http:" || url.protocol === "https:") && (isDev || !isPrivateTarget(url));
}
