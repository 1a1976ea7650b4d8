import type { ServeOptions } from "@dotdo/inngest/edge";

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
