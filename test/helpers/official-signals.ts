/** Signals of Inngest's own clients, unmodified: the two versions share state in a process, so each is tested in its own. */
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { AppsWorld, official } from "./apps-world.ts";

export const silent = { debug() {}, info() {}, warn() {}, error() {} };
let apps: AppsWorld;

/** What a client asks the platform with. */
export const fetchOfApp = (input: RequestInfo | URL, init?: RequestInit) =>
  apps.request(new URL(input instanceof Request ? input.url : input).pathname, init);

// what each version declares of steps is another type
export const wait = ({ step, event }: any) =>
  step.waitForSignal("approval", { signal: event.data.signal, timeout: "1h", onConflict: event.data.onConflict });
export const tell = ({ step, event }: any) =>
  step.sendSignal("tell", { signal: event.data.signal, data: event.data.data });

interface Client {
  sendSignal(options: { signal: string; data?: unknown }): Promise<{ runId?: string | undefined }>;
}

export function signalsOf(version: string, make: () => { client: Client; serve: unknown }): void {
  beforeEach(() => {
    for (const name of Object.keys(process.env)) if (name.startsWith("INNGEST_")) vi.stubEnv(name, undefined);
  });
  afterEach(() => {
    apps.close();
    vi.unstubAllEnvs();
  });

  describe(`[§9.1] inngest ${version}`, () => {
    async function open() {
      const { client, serve } = make();
      apps = new AppsWorld({ answer: official(serve as (request: Request) => Promise<Response>) });
      const url = "http://app.test/api/inngest";
      await apps.registerApp({
        url,
        deployType: "ping",
        framework: "edge",
        appName: "app",
        sdk: "js:v4.24.0",
        v: "0.1",
        functions: ["wait", "tell"].map((name) => ({
          id: `app-${name}`,
          name,
          triggers: [{ event: name }],
          steps: { step: { id: "step", name: "step", runtime: { type: "http", url: `${url}?fnId=app-${name}` } } },
        })),
      });
      return client;
    }
    const start = async (name: string, data: object) => apps.door.send({ name, data });
    const waiting = (id: string) =>
      apps.door.runWhen(id, (run) => run.waiting_for.some(({ kind }) => kind === "signal"), "the wait for a signal");

    test("a step waits for a signal, the client sends it, and is told the run", async () => {
      const client = await open();
      const id = await start("wait", { signal: "s/1", onConflict: "fail" });
      const run = await waiting(id);
      const sent = await apps.during(client.sendSignal({ signal: "s/1", data: { by: "ada" } }));
      expect(sent).toEqual({ runId: run.run_id });
      expect(await apps.door.outputOf(id)).toEqual({ signal: "s/1", data: { by: "ada" } });
      expect(await apps.during(client.sendSignal({ signal: "s/1" }))).toEqual({ runId: undefined });
    });

    test("a step sends one, another times out, a third conflicts", async () => {
      await open();
      const first = await start("wait", { signal: "s", onConflict: "fail" });
      const { run_id } = await waiting(first);
      const third = await apps.door.ended(await start("wait", { signal: "s", onConflict: "fail" }));
      expect(third.error?.message).toBe("Signal conflict; signal wait already exists for another run");
      expect(await apps.door.outputOf(await start("tell", { signal: "s", data: [1] }))).toEqual({ runId: run_id });
      expect(await apps.door.outputOf(first)).toEqual({ signal: "s", data: [1] });
      expect(await apps.door.outputOf(await start("wait", { signal: "late", onConflict: "replace" }))).toBeNull();
    });
  });
}
