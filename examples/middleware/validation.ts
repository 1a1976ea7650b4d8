/** Events are checked against `schemas` by the client; the middleware refuses events that have none. */
import { EventSchemas, Inngest } from "@dotdo/inngest";
import { serve } from "@dotdo/inngest/edge";
import { validationMiddleware } from "@dotdo/inngest/middleware/validation";
import * as z from "zod";

export const inngest = new Inngest({
  id: "validated",
  isDev: true,
  schemas: new EventSchemas().fromSchema({ "order/paid": z.object({ orderId: z.string() }) }),
  middleware: [validationMiddleware({ disallowSchemalessEvents: true })],
});

export const ship = inngest.createFunction({ id: "ship" }, { event: "order/paid" }, async ({ event, step }) =>
  step.run("ship", () => `shipped ${event.data.orderId}`),
);

export default { fetch: serve({ client: inngest, functions: [ship] }) };
