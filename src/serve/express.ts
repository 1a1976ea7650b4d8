import { createHandler, type ServeOptions } from "./handler.ts";
import {
  answerNode,
  header,
  isNodeRequest,
  isNodeResponse,
  nodeOrigin,
  type NodeRequest,
  type NodeResponse,
} from "./node-request.ts";
import { wrongArguments } from "./passed.ts";

export const frameworkName = "express";

interface ExpressRequest extends NodeRequest {
  protocol?: string;
  hostname?: string;
}

/**
 * Serves an app's functions from Express 4 and 5, and from what calls handlers as Express does. Works with and without
 * `express.json()`; that one's `limit` is 100 KB, and calls may carry megabytes.
 *
 * @throws TypeError when a function is not one or two share an id
 * @example
 * app.use("/api/inngest", serve({ client: inngest, functions: [syncUser] }));
 */
export function serve(options: ServeOptions): (request: ExpressRequest, response: NodeResponse) => Promise<void> {
  const handle = createHandler({ ...options, framework: frameworkName });
  return (request, response) => {
    if (!isNodeRequest(request) || !isNodeResponse(response))
      throw wrongArguments(frameworkName, "Express's (req, res)", [request, response]);
    return answerNode(handle, request, response, frameworkName, { origin: originOf(request) });
  };
}

/** `x-forwarded-host` counts when Express itself takes its host name from there, as "trust proxy" makes it do. */
function originOf(request: ExpressRequest): string {
  const forwarded = header(request, "x-forwarded-host")?.split(",")[0]?.trim();
  const isTrusted = hostname(forwarded) === request.hostname && hostname(header(request, "host")) !== request.hostname;
  return isTrusted && request.hostname ? `${request.protocol ?? "https"}://${forwarded}` : nodeOrigin(request);
}

function hostname(host: string | undefined): string | undefined {
  return host?.split(":")[0];
}
