/** Tools that change something: they are there where the platform allows agents to act. */
import * as z from "zod";
import { invokeFunction } from "../invoke.ts";
import { acceptEvent } from "../rest-v2.ts";
import { findFunction } from "../functions.ts";
import { rerun } from "../rerun.ts";
import { runView } from "../run-view.ts";
import { findRun, findView, hasEnded } from "../runs.ts";
import { WAIT_MAX_SECONDS, waitForEnd, waitSeconds } from "./run-tools.ts";
import { tool } from "./tool.ts";

const data = z.record(z.string(), z.unknown());

export const actingTools = [
  tool({
    name: "send_event",
    says: "Sends an event, which starts the functions that it triggers and answers the waits that it matches. get_event then has the runs.",
    input: z.object({
      name: z.string().min(1),
      data: data.optional(),
      id: z.string().optional().describe("With the same id an event starts each function once in 24 hours"),
      ts: z.int().optional().describe("Epoch milliseconds; in the future, its functions start then"),
      user: data.optional(),
    }),
    acts: "adds",
    run: async (event, { objects, env, act }) => {
      await act(`send_event ${event.name}`);
      const { internalId } = await acceptEvent(objects, env, JSON.stringify(event));
      return { event_id: internalId };
    },
  }),

  tool({
    name: "invoke_function",
    says: `Starts a function whatever its triggers. With wait_seconds, ${WAIT_MAX_SECONDS} at most, it answers with the run once that has ended; without, with the run's id for wait_for_run.`,
    input: z.object({
      function: z.string().describe("Its slug, <app>-<function>, or its uuid"),
      data: data.optional().describe("What its event's data is"),
      wait_seconds: waitSeconds.default(0),
    }),
    acts: "adds",
    run: async ({ function: id, data: given, wait_seconds: seconds }, call) => {
      const { objects, env, act } = call;
      const fn = await findFunction(objects, env, id);
      await act(`invoke_function ${fn.id}`);
      const now = Date.now();
      const seed = { timeMs: now, entropy: crypto.getRandomValues(new Uint8Array(10)) };
      const { internalId, runId } = await invokeFunction(objects, env, fn, { event: { data: given ?? {} }, seed, now });
      const told = { event_id: internalId, run_id: runId };
      if (runId === null)
        return { ...told, note: "it collects events, so its run begins later: get_event will have it" };
      if (seconds === 0) return told;
      const ended = await waitForEnd(runId, seconds * 1000, call);
      return { ...told, ended, ...runView(await findView(objects, env, runId)) };
    },
  }),

  tool({
    name: "cancel_run",
    says: "Cancels a run: what it has done stays done, and nothing more of it happens.",
    input: z.object({
      run_id: z.string(),
      cascade: z.boolean().default(false).describe("Also the runs that its open steps have invoked"),
    }),
    acts: "destroys",
    run: async ({ run_id: id, cascade }, { objects, env, act }) => {
      const { run } = await findRun(objects, env, id);
      await act(`cancel_run ${run.id}`);
      const { kind } = await objects.run(env, run.id).cancel("cancelled through MCP", cascade);
      if (kind === "ended") throw hasEnded(run.id);
      return { run_id: run.id, status: "Cancelled" };
    },
  }),

  tool({
    name: "rerun_run",
    says: "Starts the function of a run once more, with the same events and the code of today, as a new run.",
    input: z.object({ run_id: z.string() }),
    acts: "adds",
    run: async ({ run_id: id }, { objects, env, act }) => {
      await act(`rerun_run ${id}`);
      return { run_id: await rerun(objects, env, id, Date.now()) };
    },
  }),
];
