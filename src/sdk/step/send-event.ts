import { sha256 } from "@noble/hashes/sha2.js";
import { utf8ToBytes } from "@noble/hashes/utils.js";
import { ulidTime } from "../../protocol/ids.ts";
import { ID_SEED_MAX_SKEW_MS } from "../../protocol/limits.ts";
import type { FoundStep } from "../execute.ts";
import type { StepTools } from "./tools.ts";
import type { StepOwner } from "./index.ts";
import { readStepOptions, type Ask } from "./options.ts";

/** `step.sendEvent`: sends events once, however often the step is tried. */
export function sendEventTool(ask: Ask, run: StepOwner): StepTools["sendEvent"] {
  const { client, runId } = run;
  return async (idOrOptions, payload) => {
    const options = readStepOptions(idOrOptions, "step.sendEvent");
    const body = ({ userId, index }: FoundStep) =>
      client.send(payload, { seed: stepSeed(runId, `${userId}\0${index}`, run.now()), step: run });
    return (await ask({ ...options, type: "step.sendEvent", op: "StepRun", body })) as { ids: string[] }; // from the journal
  };
}

/**
 * Seed of the events of one step: a repeat after a crash between send and commit names the same events, which start
 * nothing twice. Servers ignore seeds that are a day off, so for older runs the time moves on in half days.
 */
function stepSeed(runId: string, step: string, now: number): string {
  const started = ulidTime(runId);
  const half = ID_SEED_MAX_SKEW_MS / 2;
  const at = now - started < half ? started : Math.floor(now / half) * half;
  const entropy = sha256(utf8ToBytes(`sendEvent\0${runId}\0${step}`)).subarray(0, 10);
  return `${at},${btoa(String.fromCharCode(...entropy))}`;
}
