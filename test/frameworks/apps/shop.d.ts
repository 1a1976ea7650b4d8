import type { serve } from "@dotdo/inngest/edge";

export type ServeOptions = Parameters<typeof serve>[0];

export interface Handlers<Handler> {
  plain: Handler;
  signed: Handler;
  /** absent where the adapter cannot */
  streaming: Handler;
}

export function makeHandlers<Handler>(
  serve: (options: ServeOptions) => Handler,
  options?: { canStream?: boolean },
): Handlers<Handler>;
