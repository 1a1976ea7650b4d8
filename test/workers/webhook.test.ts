/** A webhook in the Worker that holds the platform: deliveries become events, once. */
import { env } from "cloudflare:workers";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { Inngest } from "../../src/sdk/index.ts";
import { createWorker } from "../../src/worker.ts";
import { json, outputOf, request, runsOf, until, worker } from "./helpers/front-door.ts";

const SECRET = "whsec_of_the_test";
beforeEach(() => void Reflect.set(env, "STRIPE_WEBHOOK_SECRET", SECRET));
afterEach(() => void Reflect.deleteProperty(env, "STRIPE_WEBHOOK_SECRET"));

async function signature(body: string, secret = SECRET): Promise<string> {
  const hmac = { name: "HMAC", hash: "SHA-256" };
  const bytes = (text: string) => new TextEncoder().encode(text);
  const key = await crypto.subtle.importKey("raw", bytes(secret), hmac, false, ["sign"]);
  const seconds = Math.floor(Date.now() / 1000);
  const mac = new Uint8Array(await crypto.subtle.sign("HMAC", key, bytes(`${seconds}.${body}`)));
  return `t=${seconds},v1=${[...mac].map((byte) => byte.toString(16).padStart(2, "0")).join("")}`;
}

const delivery = (data: object) => JSON.stringify({ id: `evt_${crypto.randomUUID()}`, type: "local/no-steps", data });

async function deliver(body: string, headers: Record<string, string> = {}) {
  const signed = { "stripe-signature": await signature(body), ...headers };
  return json("/webhooks/payments", { method: "POST", body, headers: signed });
}

describe("POST /webhooks/:id", () => {
  it("a genuine delivery starts its functions", async () => {
    const { status, body } = await deliver(delivery({ n: 20 }));
    expect([status, body]).toEqual([200, { ids: [expect.stringMatching(/^[0-9A-Z]{26}$/)] }]);
    expect(await outputOf(body.ids[0])).toMatchObject({});
  });

  it("delivered again it starts nothing twice", async () => {
    const text = delivery({ n: 1 });
    const [first] = (await deliver(text)).body.ids;
    await outputOf(first);
    const [second] = (await deliver(text)).body.ids;
    expect(second).not.toBe(first);
    const { body } = await json(`/v1/events/${second}`);
    expect(body.data.id).toBe(`payments:${JSON.parse(text).id}`);
    const last = (await deliver(delivery({ n: 2 }))).body.ids[0]; // routed after the repetition
    await until(async () => (await runsOf(last)).length > 0, "the run of a later delivery");
    const runs = await runsOf(second);
    expect(runs).toEqual([]);
  });

  it("what is not genuine is 401 and leaves no event", async () => {
    const text = delivery({ n: 3 });
    const refused = await deliver(text, { "stripe-signature": await signature(text, "another") });
    expect(refused).toMatchObject({ status: 401, body: { code: "not_genuine" } });
    expect((await json("/webhooks/payments", { method: "POST", body: text })).status).toBe(401);
    const { body } = await json("/v1/events?name=local/no-steps&limit=100");
    expect(body.data.map((event: any) => event.id)).not.toContain(`payments:${JSON.parse(text).id}`);
  });

  it("forms are read, and malformed ones refused", async () => {
    const type = "multipart/form-data; boundary=x";
    const part = '--x\r\nContent-Disposition: form-data; name="a"\r\n\r\n1\r\n';
    const { status, body } = await deliver(`${part}${part}--x--\r\n`, { "content-type": type });
    expect(status).toBe(200);
    const event = await json(`/v1/events/${body.ids[0]}`);
    expect(event.body.data).toMatchObject({ name: "local/form", data: { a: ["1", "1"] } });
    expect((await deliver(part, { "content-type": type })).status).toBe(400);
    const encoded = await deliver("a=1&a=2", { "content-type": "application/x-www-form-urlencoded" });
    expect((await json(`/v1/events/${encoded.body.ids[0]}`)).body.data.data).toEqual({ a: ["1", "2"] });
  });

  it("a body over the bound is 413", async () => {
    const { status } = await json("/webhooks/payments", { method: "POST", body: "x".repeat(17 * 1024 * 1024) });
    expect(status).toBe(413);
  });

  it("GET is 405, another id 404", async () => {
    expect((await request("/webhooks/payments")).status).toBe(405);
    expect((await request("/webhooks/unknown", { method: "POST", body: "{}" })).status).toBe(404);
  });

  it("[G10] in dev mode too a provider may come through a tunnel: the signature guards, and only this path", async () => {
    const body = delivery({ n: 4 });
    const headers = { "stripe-signature": await signature(body), host: "a1b2.tunnel.example" };
    const at = (path: string) => worker.fetch(`http://a1b2.tunnel.example${path}`, { method: "POST", body, headers });
    expect((await at("/webhooks/payments")).status).toBe(200);
    expect((await at("/e/key")).status).toBe(403);
    expect((await at("/webhooks/unknown")).status).toBe(403);
  });
});

it("createWorker refuses two webhooks of one id, and what is none", () => {
  const client = new Inngest({ id: "x" });
  const hook = () => client.createWebhook({ id: "twice", verify: false, transform: () => null });
  expect(() => createWorker({ webhooks: [hook(), hook()] })).toThrow(/createWorker: webhooks: two have the id "twice"/);
  expect(() => createWorker({ webhooks: [{} as never] })).toThrow(/webhooks\[0\]: not made by createWebhook/);
});

describe("[§1.1] POST /e/:key", () => {
  const send = (body: BodyInit, type?: string) =>
    json("/e/key", { method: "POST", body, headers: type === undefined ? {} : { "content-type": type } });

  it("takes JSON whatever its content type, as beacons of browsers need", async () => {
    for (const type of ["text/plain;charset=UTF-8", "application/x-www-form-urlencoded", undefined])
      expect((await send('{"name":"beacon/seen"}', type)).body).toMatchObject({
        status: 200,
        ids: [expect.any(String)],
      });
  });

  it("refuses forms and points to webhooks", async () => {
    const form = new FormData();
    form.set("name", "a");
    for (const answer of [await send(form), await send("name=a", "application/x-www-form-urlencoded")])
      expect(answer).toMatchObject({
        status: 400,
        body: { ids: [], status: 400, error: expect.stringContaining("createWebhook") },
      });
  });

  it("refuses anything else as Inngest does", async () => {
    const { status, body } = await send("hello", "text/plain");
    expect([status, body.error]).toEqual([
      400,
      "Request body must contain an event object or an array of event objects",
    ]);
  });
});
