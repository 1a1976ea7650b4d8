import { HTTPException } from "hono/http-exception";
import * as z from "zod";
import type { Objects } from "../../durable-objects/objects.ts";
import { isEnded } from "../../engine/run.ts";
import { runView, waitingFor } from "../run-view.ts";
import { findRun, findView } from "../runs.ts";
import { checkFields } from "../fields.ts";
import { runsPage, runsQuerySchema } from "../runs-list.ts";
import { traceOf } from "../run-trace.ts";
import { traceView } from "../trace-view.ts";
import { tool, type Call } from "./tool.ts";

/** How long a tool waits for a run, at most: agents give up on calls that take longer. */
export const WAIT_MAX_SECONDS = 60;
/** One question to a run's object. */
const QUESTION_MS = 20_000;
/** Between two looks for a run that has not begun yet. */
const LOOK_MS = 250;

const runId = z.string().describe("A run's id, a ULID");
export const waitSeconds = z.number().min(0).max(WAIT_MAX_SECONDS);

export const runTools = [
  tool({
    name: "list_runs",
    says: "Lists runs, the newest first, by function, status and time; `if` is a CEL expression over event and output, such as event.data.userId == 'u1'. get_run has one in full.",
    input: z.object({
      function: z.string().optional().describe("A function's slug, or several separated by commas"),
      app_id: z.string().optional(),
      status: z
        .string()
        .optional()
        .describe("Of Scheduled, Running, Completed, Failed, Cancelled; several separated by commas"),
      from: z.string().optional().describe("Queued at or after this RFC 3339 instant"),
      until: z.string().optional().describe("Queued before this RFC 3339 instant"),
      if: z.string().optional(),
      limit: z.int().min(1).max(100).default(20),
      cursor: z.string().optional().describe("The `cursor` of the page before"),
    }),
    run: async ({ function: functionId, limit, ...rest }, { objects, env }) => {
      const query = checkFields({ ...rest, function_id: functionId, limit }, runsQuerySchema);
      const { data, page } = await runsPage(objects, env, query);
      return { runs: data, cursor: page.cursor };
    },
  }),

  tool({
    name: "get_run",
    says: "Shows a run: its status, output or error, every step with input, output and failed attempts, and why it is not done.",
    input: z.object({ run_id: runId }),
    run: async ({ run_id: id }, { objects, env }) => runView(await findView(objects, env, id)),
  }),

  tool({
    name: "get_run_trace",
    says: "Shows when each step and attempt of a run was queued, began and ended, as a tree, with the spans that its app has recorded. Outputs are in get_run.",
    input: z.object({ run_id: runId }),
    run: async ({ run_id: id }, { objects, env }) => {
      const view = await findView(objects, env, id);
      const { spans } = await objects.run(env, view.run.id).spans();
      return { run_id: view.run.id, trace: traceView(traceOf(view, spans)) };
    },
  }),

  tool({
    name: "why_is_run_waiting",
    says: "Says why a run is not done: each sleep, wait, retry, invoke or place in a line, since when and until when.",
    input: z.object({ run_id: runId }),
    run: async ({ run_id: id }, { objects, env }) => {
      const view = await findView(objects, env, id);
      const { run_id, function_slug, status } = runView({ ...view, entries: [] });
      return { run_id, function_slug, status, waiting_for: waitingFor(view) };
    },
  }),

  tool({
    name: "wait_for_run",
    says: `Waits until a run has ended, ${WAIT_MAX_SECONDS} seconds at most, and shows it. When it has not ended by then, \`ended\` is false and \`waiting_for\` says why: call it again, or look what it waits for.`,
    input: z.object({ run_id: runId, timeout_seconds: waitSeconds.default(30) }),
    run: async ({ run_id: id, timeout_seconds: seconds }, call) => {
      if (await waitForEnd(id, seconds * 1000, call))
        return { ended: true, ...runView(await findView(call.objects, call.env, id)) };
      return { ended: false, ...runView(await findView(call.objects, call.env, id)) };
    },
  }),
];

/**
 * Whether a run ends within a time. One that is not there yet may have been invoked just now.
 *
 * @throws HTTPException 404 for one that is not there by then, 400 for what is no id
 */
export async function waitForEnd(id: string, withinMs: number, { objects, env, pause }: Call): Promise<boolean> {
  const end = Date.now() + withinMs;
  for (;;) {
    const left = end - Date.now();
    if (await isThere(objects, env, id, left <= 0)) {
      const run = await objects.run(env, id).ended(Math.max(Math.min(left, QUESTION_MS), 0));
      if (run && isEnded(run.state)) return true;
      if (left <= QUESTION_MS) return false;
    } else await pause(Math.min(LOOK_MS, left));
  }
}

async function isThere(objects: Objects, env: string, id: string, mustBe: boolean): Promise<boolean> {
  try {
    await findRun(objects, env, id);
    return true;
  } catch (error) {
    if (mustBe || !(error instanceof HTTPException) || error.status !== 404) throw error;
    return false;
  }
}
