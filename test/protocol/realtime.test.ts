import { describe, expect, it } from "vitest";
import { channelTopics, chunksOf, dataFrame, publishedJson, tokenRequestSchema } from "../../src/protocol/realtime.ts";
import { readRealtimeToken, realtimeToken } from "../../src/protocol/realtime-token.ts";

const publication = { channel: "c", envId: "e", at: 0 };
const bytes = (text: string) => new TextEncoder().encode(text).byteLength;

describe("[inngest-protocol §8] realtime on the wire", () => {
  it.each([
    ["hello", '"hello"'],
    ["", '""'],
    ['"text"', '"text"'],
    ["12345678901234567890", "12345678901234567890"],
    ["{ }", "{ }"],
    ["{", '"{"'],
    ["line\nbreak", '"line\\nbreak"'],
  ])("%j is published as %s", (body, json) => expect(publishedJson(body)).toBe(json));

  it("a frame is one line, whatever JSON was published", () => {
    const frame = dataFrame({ ...publication, metadata: '{\r\n"m":1}' }, "t", '{\n  "a": "x\\ny"\r\n}');
    expect(frame).not.toMatch(/[\r\n]/);
    expect(JSON.parse(frame)).toMatchObject({ data: { a: "x\ny" }, metadata: { m: 1 } });
  });

  it("text is cut at 1 KiB and never inside a character", () => {
    for (const text of ["", "a", "x".repeat(5000), "😀".repeat(1000), "aé€😀".repeat(777)]) {
      const chunks = chunksOf(text);
      expect(chunks.join("")).toBe(text);
      for (const chunk of chunks) expect(bytes(chunk)).toBeLessThanOrEqual(1024);
      expect(chunks.length).toBeLessThanOrEqual(Math.ceil(bytes(text) / 1021));
      for (const chunk of chunks) expect(chunk).toBe(chunk.toWellFormed());
    }
  });

  it("topics that are named twice are one", () => {
    const named = [
      ["b", "y"],
      ["a", "x"],
      ["b", "x"],
      ["b", "y"],
    ].map(([channel = "", topic = ""]) => ({
      channel,
      topics: [topic],
    }));
    expect(channelTopics(named)).toEqual([
      { channel: "b", topics: ["y", "x"] },
      { channel: "a", topics: ["x"] },
    ]);
  });

  it("what clients send beside channel and name is of no account", () => {
    const topics = [
      { channel: "c", name: "t", kind: "run", env_id: "another", run_id: "x" },
      { channel: "c", name: "u" },
    ];
    expect(tokenRequestSchema.parse(topics)).toEqual([{ channel: "c", topics: ["t", "u"] }]);
  });

  it("a token says what it was made for, to whoever has one of the keys, and without a key to nobody", async () => {
    const grant = { env: "main", topics: [{ channel: "c", topics: ["t"] }] };
    const token = await realtimeToken(grant, "signkey-test-00", Date.now());
    expect(await readRealtimeToken(token, ["signkey-test-ff", "signkey-test-00"])).toEqual(grant);
    const ahead = await realtimeToken(grant, "signkey-test-00", Date.now() + 2_000); // clocks of two machines
    expect(await readRealtimeToken(ahead, ["signkey-test-00"])).toEqual(grant);
    expect(await readRealtimeToken(token, ["signkey-test-ff"])).toBeUndefined();
    expect(await readRealtimeToken(token, [])).toBeUndefined();
  });
});
