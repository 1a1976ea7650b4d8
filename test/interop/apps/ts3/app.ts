/** The client of the v3 line: `ts3`. */
import { Inngest, InngestMiddleware, NonRetriableError, referenceFunction, RetryAfterError } from "inngest-v3";
import { serve } from "inngest-v3/node";
import { interopFunctions } from "../typescript/functions.ts";
import { notingLogger } from "../typescript/logger.ts";
import { serveApp } from "../typescript/trace.ts";

const id = process.env["INTEROP_CLIENT"] ?? "ts3";

const greeting = new InngestMiddleware({
  name: "greeting",
  init: () => ({
    onFunctionRun({ fn }) {
      if (fn.id() !== "middleware") return {};
      return {
        transformInput: ({ ctx }) => ({
          ctx: { event: { ...ctx.event, data: { ...ctx.event.data, greeting: "hello" } } },
        }),
        transformOutput: ({ result, step }) =>
          step ? undefined : { result: { data: { ...Object(result.data), stamped: true } } },
      };
    },
  }),
});

const client = new Inngest({ id, logger: notingLogger, middleware: [greeting] });

type V3Define = (options: object, triggers: object[], handler: unknown) => ReturnType<typeof client.createFunction>;
const createFunction = client.createFunction.bind(client) as unknown as V3Define;

const functions = interopFunctions({
  client: id,
  define: createFunction,
  reference: (appId, functionId) => referenceFunction({ appId, functionId }),
  NonRetriableError,
  RetryAfterError,
});

serveApp(serve({ client, functions }));
