import { expect, test } from "vitest";
import * as z from "zod";
import { validationMiddleware } from "../../src/middleware/validation.ts";
import { EventSchemas, Inngest } from "../../src/sdk/index.ts";
import { bindSender } from "../../src/sdk/sender.ts";
import { EVENT } from "../helpers/run-builder.ts";
import { call, silent } from "../sdk/middleware/helpers.ts";

const clientOf = (disallowSchemalessEvents: boolean) => {
  const client = new Inngest({
    id: "shop",
    isDev: true,
    logger: silent,
    schemas: new EventSchemas().fromSchema({ known: z.object({ n: z.number() }) }).fromRecord<{ typed: object }>(),
    middleware: [validationMiddleware({ disallowSchemalessEvents })],
  });
  bindSender(client, async () => ({ ids: ["1"] }));
  return client;
};

test.each([
  [true, "known", null],
  [true, "typed", 'event "typed" was sent, and the client\'s schemas do not describe it'],
  [false, "typed", null],
])("disallowSchemalessEvents %j: sending %s", async (disallowed, name, message) => {
  const sending = clientOf(disallowed).send({ name, data: { n: 1 } } as never);
  if (message === null) await expect(sending).resolves.toEqual({ ids: ["1"] });
  else await expect(sending).rejects.toThrow(message);
});

test("a received event without a schema ends the run at once; the platform's own do not", async () => {
  const client = clientOf(true) as unknown as Inngest;
  const fn = client.createFunction({ id: "f" }, { event: "any" }, () => 1);
  expect(await call(client, fn, { event: { ...EVENT, name: "other" } })).toMatchObject({
    status: 400,
    noRetry: true,
    error: { message: expect.stringContaining('event "other" was received') },
  });
  expect(await call(client, fn, { event: { ...EVENT, name: "inngest/scheduled.timer" } })).toMatchObject({ data: 1 });
});
