import { randomUUID } from "node:crypto";
import type { Mark } from "./functions.ts";
import type { Target } from "./stage.ts";

const WITHIN_MS = 120_000;

/** Starts one run and returns its mark. */
export async function runOne(target: Target, fn: string, data: Record<string, unknown> = {}): Promise<Mark> {
  const scope = randomUUID();
  await target.client.send({ name: `${target.name}/${fn}`, data: { ...data, scope, key: scope } });
  return onlyMark(target, scope);
}

/** @throws when the run does not report in time */
export async function onlyMark(target: Target, scope: string): Promise<Mark> {
  const [mark] = await target.marks.wait(scope, 1, WITHIN_MS);
  if (!mark) throw new Error(`A run over ${target.name} did not report within ${WITHIN_MS / 1000} s`);
  return mark;
}

/** Milliseconds of the stretch that a run measured itself. */
export function stretch({ fromAt, at }: Mark): number {
  if (fromAt === undefined) throw new Error("This function measures no stretch");
  return at - fromAt;
}
