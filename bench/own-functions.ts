import type { Inngest, InngestFunction } from "../src/sdk/index.ts";
import { benchFunctions, type Report } from "./functions.ts";

/** The measured functions as our own client has them. */
export function ownFunctions(client: Inngest, report: Report, now: () => number): InngestFunction[] {
  const define = (options: { id: string }, event: string, handler: unknown): InngestFunction =>
    client.createFunction(
      { ...options, triggers: [{ event }] },
      handler as Parameters<typeof client.createFunction>[1],
    );
  return benchFunctions({ id: client.id, define }, report, now);
}
