/** Cloudflare Workflows, in their local engine, with the same work as the functions that are measured. */
import { env, WorkflowEntrypoint, type WorkflowEvent, type WorkflowStep } from "cloudflare:workers";
import type { Mark } from "../../functions.ts";

interface Params {
  scope: string;
  key: string;
  n: number;
}

let marks: Mark[] = [];

/** One after the other; `n` 1 is the one-step run. */
export class Steps extends WorkflowEntrypoint<Cloudflare.Env, Params> {
  override async run({ payload }: WorkflowEvent<Params>, step: WorkflowStep): Promise<void> {
    const { scope, key, n } = payload;
    if (n === 0) return void marks.push({ scope, key, at: Date.now() });
    const fromAt = await step.do("step-0", async () => Date.now());
    let at = fromAt;
    for (let i = 1; i < n; i++) at = await step.do(`step-${i}`, async () => Date.now());
    marks.push({ scope, key, fromAt, at: n === 1 ? Date.now() : at });
  }
}

/** Takes events as the platform does, so that the same measures drive it: `first`, `one` and `steps`. */
export default {
  async fetch(request: Request): Promise<Response> {
    const { pathname } = new URL(request.url);
    if (pathname === "/bench/marks") {
      const taken = marks;
      marks = [];
      return Response.json(taken);
    }
    if (!pathname.startsWith("/e/")) return new Response("ok");
    const sent = (await request.json()) as { name: string; data: Params } | { name: string; data: Params }[];
    const workflow: Workflow<Params> = Reflect.get(env, "STEPS");
    const batch = [sent].flat().map(({ name, data }) => ({
      id: crypto.randomUUID(),
      params: { ...data, n: name.endsWith("/first") ? 0 : name.endsWith("/one") ? 1 : data.n },
    }));
    await workflow.createBatch(batch);
    return Response.json({ ids: batch.map(({ id }) => id) });
  },
  async scheduled() {}, // the local server's sweeper asks every Worker
};
