/** Resolvers of mutations. */
import { GraphQLError } from "graphql";
import { type JsonObject, type JsonValue, parseJson } from "../../protocol/json.ts";
import { uuidOf } from "../../protocol/ids.ts";
import { syncApp, type SyncContext } from "../app-sync.ts";
import { findFunction } from "../functions.ts";
import { invokeFunction } from "../invoke.ts";
import { rerun } from "../rerun.ts";
import { hasEnded } from "../runs.ts";
import { rowOf } from "../run-rows.ts";
import { Reader } from "./reader.ts";
import { appNode, runNode } from "./views.ts";

export function mutations(reader: Reader, context: SyncContext) {
  const { objects, env } = context;

  /** Asks the app at a URL and registers what it answers. */
  async function sync({ input }: { input: { url: string } }) {
    const outcome = await syncApp(context, input.url);
    if (outcome.kind === "failed") throw new GraphQLError(outcome.message, { extensions: { code: outcome.code } });
    if (!outcome.app) throw new GraphQLError(`${input.url}: the app has registered itself, and none here has this URL`);
    return appNode(new Reader(objects, outcome.env), outcome.app);
  }

  async function archive(isWanted: (id: string) => boolean): Promise<string | null> {
    const { apps } = await reader.registered();
    const found = apps.find(({ id }) => isWanted(id));
    if (found) await objects.registry(env).archive(found.id);
    return found?.id ?? null;
  }

  return {
    createApp: sync,
    updateApp: sync,
    deleteApp: async ({ id }: { id: string }) => {
      if ((await archive((one) => uuidOf(one) === id || one === id)) === null)
        throw new GraphQLError(`id: there is no app ${JSON.stringify(id.slice(0, 60))}`);
      return id;
    },
    deleteAppByName: async ({ name }: { name: string }) => (await archive((id) => id === name)) !== null,

    invokeFunction: async (args: { data?: JsonObject; functionSlug: string; meta?: JsonObject; user?: JsonObject }) => {
      const { data, functionSlug, meta, user } = args;
      const fn = await findFunction(objects, env, functionSlug);
      const now = Date.now();
      const seed = { timeMs: now, entropy: crypto.getRandomValues(new Uint8Array(10)) };
      await invokeFunction(objects, env, fn, { event: { data, meta, user }, seed, now });
      return true;
    },
    cancelRun: async ({ runID }: { runID: string }) => {
      const before = await reader.view(runID);
      const { kind } = await objects.run(env, before.run.id).cancel("cancelled through the API");
      if (kind === "ended") throw hasEnded(before.run.id);
      return runNode(reader, rowOf((await new Reader(objects, env).view(runID)).run));
    },
    rerun: async ({ runID, fromStep }: { runID: string; fromStep?: { stepID: string; input?: unknown } | null }) => {
      const from = fromStep ? { step: fromStep.stepID, input: readInput(fromStep.input) } : undefined;
      return rerun(objects, env, runID, Date.now(), { from });
    },
  };
}

/** Arguments of a step, as JSON or as its text. */
function readInput(input: unknown): JsonValue[] | undefined {
  if (input === null || input === undefined) return undefined;
  const json = typeof input === "string" ? parseJson(input) : input;
  if (!Array.isArray(json)) throw new GraphQLError("fromStep.input: must be a list: the arguments of the step's code");
  return json as JsonValue[]; // GraphQL's own JSON
}
