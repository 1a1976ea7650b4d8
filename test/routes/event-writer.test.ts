import { expect, test } from "vitest";
import { EventWriter } from "../../src/routes/event-writer.ts";

const text = (bytes?: Uint8Array) => new TextDecoder().decode(bytes);

async function all(body: ReadableStream<Uint8Array>): Promise<string> {
  let read = "";
  for await (const bytes of body as unknown as AsyncIterable<Uint8Array>) read += text(bytes);
  return read;
}

test("events have their names, and the last of those that were told together says where to go on", async () => {
  const writer = new EventWriter(() => undefined);
  writer.write(
    [
      { event: "run", data: { a: "one\ntwo" } },
      { event: "run", data: 2 },
    ],
    "x=1",
  );
  writer.end();
  expect(await all(writer.body)).toBe(
    'retry: 2000\n\nevent: run\ndata: {"a":"one\\ntwo"}\n\nevent: run\ndata: 2\nid: x=1\n\n',
  );
});

test("there is room again once a slow reader has read, and what ends a stream ends the wait", async () => {
  const writer = new EventWriter(() => undefined);
  const reader = writer.body.getReader();
  let hasRoom = false;
  await writer.room();
  writer.write([{ event: "x", data: "x".repeat(70_000) }], "1");
  const waiting = writer.room().then(() => (hasRoom = true));
  await reader.read(); // the beginning
  await Promise.resolve();
  expect(hasRoom).toBe(false);
  await reader.read();
  await waiting;
  writer.write([{ event: "x", data: "x".repeat(70_000) }], "2");
  const again = writer.room();
  await reader.cancel();
  await again;
  expect(writer.isOver).toBe(true);
});

test("it says once that it has ended, and writes nothing after", async () => {
  let ends = 0;
  const writer = new EventWriter(() => (ends += 1));
  await writer.body.cancel();
  writer.write([{ event: "x", data: 1 }], "1");
  writer.end();
  expect(ends).toBe(1);
});

test("comments are written while it lasts, until the time has come", async () => {
  const writer = new EventWriter(() => undefined);
  let beats = 0;
  await writer.beat(
    () => Promise.resolve(),
    () => (beats += 1) < 3,
  );
  expect(await all(writer.body)).toBe("retry: 2000\n\n:\n\n:\n\n");
});
