/** The same functions written with our own package: what the official ones are compared with. */
import { Inngest, NonRetriableError, referenceFunction, RetryAfterError } from "../../../../src/sdk/index.ts";
import { serve } from "../../../../src/serve/node.ts";
import { interopFunctions } from "../typescript/functions.ts";
import { notingLogger } from "../typescript/logger.ts";
import { serveApp } from "../typescript/trace.ts";

const id = process.env["INTEROP_CLIENT"] ?? "own";
const client = new Inngest({ id, logger: notingLogger });

type Handler = Parameters<typeof client.createFunction>[1];

const functions = interopFunctions({
  client: id,
  define: (options, triggers, handler) =>
    client.createFunction({ ...options, triggers } as never, handler as unknown as Handler),
  reference: (appId, functionId) => referenceFunction({ appId, functionId }),
  NonRetriableError,
  RetryAfterError,
});

serveApp(serve({ client, functions }));
