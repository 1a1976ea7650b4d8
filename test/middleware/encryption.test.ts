import { describe, expect, test } from "vitest";
import { encryptionMiddleware, isEncryptedValue, type EncryptionOptions } from "../../src/middleware/encryption.ts";
import type { Inngest } from "../../src/sdk/index.ts";
import { bindSender } from "../../src/sdk/sender.ts";
import { EVENT } from "../helpers/run-builder.ts";
import { call, clientWith } from "../sdk/middleware/helpers.ts";

const KEY = "k".repeat(44);
const OLD_KEY = "o".repeat(44);

const clientOf = (options: Partial<EncryptionOptions> = {}) =>
  clientWith([encryptionMiddleware({ key: KEY, ...options })]);

const SECRET = { email: "ada@example.com", n: [1, "ü", null] };

/** What a step of this client stores for {@link SECRET}. */
async function stored(client: Inngest): Promise<unknown> {
  const fn = client.createFunction({ id: "f" }, { event: EVENT.name }, ({ step }) => step.run("a", () => SECRET));
  const reply = await call(client, fn);
  return reply.status === 206 ? reply.ops[0]?.data : reply;
}

/** What a handler of this client gets of a stored step. */
async function read(client: Inngest, data: unknown) {
  const seen: unknown[] = [];
  const fn = client.createFunction({ id: "f" }, { event: EVENT.name }, async ({ step }) => {
    seen.push(await step.run("a", () => 0));
  });
  const reply = await call(client, fn, { journal: { a: { data: data as never } } });
  return reply.status === 200 ? seen[0] : reply;
}

/** The data of an event as this client sends it. */
async function sent(client: Inngest, data: object): Promise<Record<string, unknown>> {
  const events: { data?: object }[] = [];
  bindSender(client, async (delivered) => (events.push(...delivered), { ids: ["1"] }));
  await client.send({ name: "e", data });
  return events[0]?.data as Record<string, unknown>;
}

describe("results of steps", () => {
  test("are stored encrypted and read plainly", async () => {
    const data = await stored(clientOf());
    expect(isEncryptedValue(data)).toBe(true);
    expect(JSON.stringify(data)).not.toContain("ada");
    expect(await read(clientOf(), data)).toEqual(SECRET);
  });

  test.each([undefined, null, () => 1])(
    "that JSON has no text for are null, as without encryption: %s",
    async (result) => {
      const fn = clientOf().createFunction({ id: "f" }, { event: EVENT.name }, ({ step }) =>
        step.run("a", () => result),
      );
      const reply = await call(clientOf(), fn);
      expect(reply).toMatchObject({ ops: [{ data: { __ENCRYPTED__: true } }] });
      expect(await read(clientOf(), (reply as { ops: { data: unknown }[] }).ops[0]!.data)).toBeNull();
    },
  );

  test("are encrypted anew each time: the same value does not look the same", async () => {
    const client = clientOf();
    expect(await stored(client)).not.toEqual(await stored(client));
  });

  test("that were stored plainly are read as they are", async () => {
    expect(await read(clientOf(), SECRET)).toEqual(SECRET);
  });

  test("with decryptOnly are stored plainly, and encrypted ones are read", async () => {
    expect(await stored(clientOf({ decryptOnly: true }))).toEqual(SECRET);
    expect(await read(clientOf({ decryptOnly: true }), await stored(clientOf()))).toEqual(SECRET);
  });
});

describe("keys", () => {
  test("a key of before still reads, the new one writes", async () => {
    const old = await stored(clientOf({ key: OLD_KEY }));
    const rotated = clientOf({ fallbackDecryptionKeys: [OLD_KEY] });
    expect(await read(rotated, old)).toEqual(SECRET);
    expect(await read(clientOf(), await stored(rotated))).toEqual(SECRET);
  });

  test("when none fits the error names both, is typed, and may be tried again", async () => {
    const old = (await stored(clientOf({ key: OLD_KEY }))) as { kid: string };
    const own = (await stored(clientOf())) as { kid: string };
    expect(await read(clientOf(), old)).toMatchObject({
      status: 500,
      noRetry: false,
      error: {
        name: "DecryptionError",
        code: "decryption_failed",
        message: `no key opens the value: it was encrypted with key ${old.kid}, there are ${own.kid}; add the key to fallbackDecryptionKeys`,
      },
    });
  });

  test("a value that was tampered with is refused", async () => {
    const data = (await stored(clientOf())) as { data: string };
    const changed = {
      ...data,
      data: `${data.data.slice(0, 30)}${data.data[30] === "A" ? "B" : "A"}${data.data.slice(31)}`,
    };
    expect(await read(clientOf(), changed)).toMatchObject({
      error: { message: expect.stringContaining("does not open the value: it is damaged, or was changed") },
    });
  });

  test("a value of another middleware is refused by name", async () => {
    const data = { ...((await stored(clientOf())) as object), __STRATEGY__: "inngest/libsodium" };
    expect(await read(clientOf(), data)).toMatchObject({
      error: { message: expect.stringContaining('encrypted by "inngest/libsodium"') },
    });
  });

  test.each([
    [{ key: "" }, "key: an empty string is not a key"],
    [{ key: undefined as never }, "key: undefined is not a key"],
    [{ fallbackDecryptionKeys: [KEY, " "] }, "fallbackDecryptionKeys[1]: an empty string is not a key"],
  ])("%j is refused at once", (options, message) => {
    expect(() => clientOf(options)).toThrow(`encryptionMiddleware: ${message}`);
  });
});

describe("events", () => {
  test("are sent with one field encrypted; handlers read it plainly", async () => {
    const data = await sent(clientOf(), { id: "u1", encrypted: SECRET });
    expect(data).toMatchObject({ id: "u1", encrypted: { __ENCRYPTED__: true } });
    const client = clientOf();
    const fn = client.createFunction({ id: "f" }, { event: EVENT.name }, ({ event, events }) => {
      expect(events[0]).toBe(event);
      return event.data.encrypted.email === SECRET.email && event.data.id;
    });
    const reply = await call(client, fn, { event: { ...EVENT, data } });
    expect(await read(client, reply.status === 200 ? reply.data : reply)).toBe("u1");
  });

  test("the field can be another", async () => {
    const data = await sent(clientOf({ eventEncryptionField: "secret" }), { secret: 1, encrypted: 2 });
    expect(data).toMatchObject({ secret: { __ENCRYPTED__: true }, encrypted: 2 });
  });

  test("that are waited for are read plainly; a wait that timed out is null", async () => {
    const client = clientOf();
    const fn = client.createFunction({ id: "f" }, { event: EVENT.name }, async ({ step }) => {
      const found = await step.waitForEvent("w", { event: "e", timeout: "1h" });
      const missed = await step.waitForEvent("m", { event: "e", timeout: "1h" });
      return [found?.data, missed];
    });
    const event = { ...EVENT, data: await sent(client, { id: "u1", encrypted: SECRET }) };
    const reply = await call(client, fn, { journal: { w: event as never, m: null } });
    expect(await read(client, reply.status === 200 ? reply.data : reply)).toEqual([
      { id: "u1", encrypted: SECRET },
      null,
    ]);
  });

  test("with which a function is invoked have the field encrypted, once; its result is read plainly", async () => {
    const client = clientOf();
    const fn = client.createFunction({ id: "f" }, { event: EVENT.name }, ({ step }) =>
      step.invoke("i", { function: "shop-g", data: { id: "u1", encrypted: SECRET } }),
    );
    const reply = await call(client, fn);
    expect(reply).toMatchObject({
      ops: [{ opts: { payload: { data: { id: "u1", encrypted: { __ENCRYPTED__: true } } } } }],
    });
    expect(await read(client, await stored(client))).toEqual(SECRET);
  });

  test("that tell of a failed run have the field of its own event readable", async () => {
    const client = clientOf();
    const inner = { ...EVENT, data: await sent(client, { encrypted: SECRET }) };
    const fn = client.createFunction({ id: "f" }, { event: "inngest/function.failed" }, ({ event }) => {
      expect(event.data.event.data).toEqual({ encrypted: SECRET });
    });
    const failed = { ...EVENT, name: "inngest/function.failed", data: { event: inner, events: [inner], error: {} } };
    expect(await call(client, fn, { event: failed })).toMatchObject({ status: 200 });
  });
});

test("errors of steps stay readable, and are those that were thrown", async () => {
  const client = clientOf();
  const fn = client.createFunction({ id: "f" }, { event: EVENT.name }, ({ step }) =>
    step.run("a", () => {
      throw new RangeError("boom");
    }),
  );
  expect(await call(client, fn)).toMatchObject({ ops: [{ op: "StepError", error: { name: "RangeError" } }] });
});

test("ids of sent events stay readable", async () => {
  const client = clientOf();
  bindSender(client, async () => ({ ids: ["1"] }));
  const fn = client.createFunction({ id: "f" }, { event: EVENT.name }, ({ step }) =>
    step.sendEvent("a", { name: "e", data: { encrypted: 1 } }),
  );
  expect(await call(client, fn)).toMatchObject({ ops: [{ data: { ids: ["1"] } }] });
});

test("a large value is carried", async () => {
  const client = clientOf();
  const fn = client.createFunction({ id: "f" }, { event: EVENT.name }, () => "x".repeat(3_000_000));
  const reply = await call(client, fn);
  expect(await read(client, reply.status === 200 ? reply.data : reply)).toHaveLength(3_000_000);
});
