import { describe, expect, it } from "vitest";
import { Inngest } from "../../src/sdk/index.ts";
import { createTestPlatform } from "../../src/testing/index.ts";

const silent = { debug() {}, info() {}, warn() {}, error() {} };
const client = new Inngest({ id: "app", logger: silent });
const start = "2030-05-06T07:08:09.000Z";

describe.each(["local", "http"] as const)("inside workerd, over %s", (transport) => {
  it("functions under test find virtual time and seeded chance, all other code finds the real ones", async () => {
    const fn = client.createFunction({ id: "look" }, { event: "look" }, async ({ step }) => {
      await step.sleep("wait", "1h");
      const look = () => [Date.now(), new Date(), crypto.randomUUID(), crypto.getRandomValues(new Uint8Array(4))[3]];
      return [await step.run("look", look), await step.run("random", () => Math.random())];
    });
    const look = async () => {
      const { run } = await createTestPlatform({ functions: [fn], start, transport }).send({ name: "look" });
      return (await run.waitFor("end")).output;
    };
    const found = await look();
    expect(found[0].slice(0, 2)).toEqual([Date.parse(start) + 3_600_000, "2030-05-06T08:08:09.000Z"]);
    expect(await look()).toEqual(found);
    expect(Date.now()).not.toBe(Date.parse(start));
    expect(new Date().getUTCFullYear()).toBeLessThan(2030);
    expect(crypto.randomUUID()).not.toBe(crypto.randomUUID());
    expect(new Date(0)).toBeInstanceOf(Date);
  });

  it("functions that decide by them outside of steps are named", async () => {
    const fn = client.createFunction({ id: "astray" }, { event: "astray" }, ({ step }) =>
      step.run(`step ${crypto.randomUUID()}`, () => 1),
    );
    const platform = createTestPlatform({ functions: [fn], transport });
    await expect(platform.send({ name: "astray" })).rejects.toThrow(
      /function "app-astray" asks for other steps[^]*crypto\.randomUUID\(\) at .*virtual-globals\.test\.ts:\d+/,
    );
  });
});
