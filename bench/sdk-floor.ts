/**
 * A server that answers at once: it calls apps and settles checkpoints as Inngest's protocol has it, and keeps nothing. What
 * a client takes with it is the client's own, and the floor of every server. A process of its own: `node bench/sdk-floor.ts`.
 */
import { randomBytes, randomUUID } from "node:crypto";
import { Agent, createServer, type IncomingMessage, request } from "node:http";
import type { AddressInfo } from "node:net";

interface Step {
  id: string;
  op: string;
  data?: unknown;
}

interface Known {
  triggers: Set<string>;
  url: string;
}

interface SentEvent {
  name: string;
  data: unknown;
}

/** The call that looks for what there is to do, rather than running one step. */
const DISCOVERY = "step";
const DONE = 200;
const PARTIAL = 206;

const agent = new Agent({ keepAlive: true });
/** by app */
const apps = new Map<string, Known[]>();

/** What apps tell of their runs' steps while a call goes on, by run. */
const checkpoints = new Map<string, (steps: Step[]) => void>();

/** Calls the function until it is done, with one more call for each step that it plans beside others. */
async function run({ url }: Known, event: SentEvent): Promise<void> {
  const runId = `01${randomBytes(12).toString("hex").toUpperCase()}`;
  const steps: Record<string, unknown> = {};
  const stack: string[] = [];
  const sent = { ...event, id: randomUUID(), ts: Date.now() };

  function settle(found: Step[]): void {
    for (const { id, op, data = null } of found) {
      if ((op !== "StepRun" && op !== "Step") || id in steps) continue;
      steps[id] = { data };
      stack.push(id);
    }
  }

  /** Steps that are to be called for by name; null once the function is done. */
  async function call(stepId: string): Promise<string[] | null> {
    const to = new URL(url);
    to.searchParams.set("stepId", stepId);
    const id = randomUUID();
    const ctx = {
      fn_id: id,
      run_id: runId,
      env: "dev",
      step_id: stepId,
      attempt: 0,
      max_attempts: 4,
      stack: { stack, current: stack.length },
      qi_id: id,
      request_id: id,
      generation_id: 1,
      disable_immediate_execution: stepId !== DISCOVERY,
      use_api: false,
    };
    const body = JSON.stringify({ ctx, event: sent, events: [sent], steps, version: 2, use_api: false });
    const { status, text } = await post(to, body, { "x-run-id": runId, "x-inngest-server-kind": "dev" });
    if (status !== PARTIAL && status !== DONE) console.error(`${to.href} answered ${status}: ${text.slice(0, 300)}`);
    if (status !== PARTIAL) return null;
    const found = JSON.parse(text) as Step[];
    settle(found);
    if (found.some(({ op }) => op === "RunComplete")) return null;
    return found.flatMap(({ id: planned, op }) => (op === "StepPlanned" ? planned : []));
  }

  checkpoints.set(runId, settle);
  for (let planned: string[] | null = []; planned; planned = await call(DISCOVERY))
    await Promise.all(planned.map((id) => call(id)));
  checkpoints.delete(runId);
}

function post(url: URL, body: string, headers: Record<string, string>): Promise<{ status: number; text: string }> {
  return new Promise((resolve, reject) => {
    const own = { "content-type": "application/json", "content-length": Buffer.byteLength(body), ...headers };
    const sent = request(url, { method: "POST", agent, headers: own }, async (response) => {
      resolve({ status: response.statusCode ?? 0, text: await textOf(response) });
    });
    sent.on("error", reject);
    sent.end(body);
  });
}

async function textOf(message: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of message) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString();
}

function answer(path: string, body: string): unknown {
  if (path.startsWith("/fn/register")) {
    const { appName, functions } = JSON.parse(body) as {
      appName: string;
      functions: { triggers: { event?: string }[]; steps: Record<string, { runtime: { url: string } }> }[];
    };
    const known = functions.map(({ triggers, steps }) => ({
      triggers: new Set(triggers.map(({ event = "" }) => event)),
      url: Object.values(steps)[0]?.runtime.url ?? "",
    }));
    apps.set(appName, known);
    return { ok: true };
  }
  if (path.startsWith("/e/")) {
    const events = [JSON.parse(body) as SentEvent | SentEvent[]].flat();
    for (const event of events)
      for (const one of [...apps.values()].flat())
        if (one.triggers.has(event.name)) run(one, event).catch((error: unknown) => console.error(error));
    return { ids: events.map(() => randomUUID()), status: 200 };
  }
  const [, runId = ""] = /^\/v1\/(?:checkpoint|http\/runs)\/([^/]+)\//.exec(path) ?? [];
  checkpoints.get(runId)?.((JSON.parse(body) as { steps: Step[] }).steps);
  return { data: null };
}

const server = createServer((incoming, outgoing) => {
  void textOf(incoming).then((body) => {
    outgoing.setHeader("content-type", "application/json");
    outgoing.end(JSON.stringify(answer(incoming.url ?? "", body)));
  });
});
server.listen(Number(process.env.PORT ?? 0), "127.0.0.1", () => {
  console.log(`ready http://127.0.0.1:${(server.address() as AddressInfo).port}`);
});
process.once("SIGTERM", () => process.exit(0));
