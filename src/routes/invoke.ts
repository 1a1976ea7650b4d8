import { Hono } from "hono";
import { acceptRecords } from "../durable-objects/accept.ts";
import { claimOf } from "../durable-objects/consumer.ts";
import { logOf, type Objects } from "../durable-objects/objects.ts";
import { internalEvents, type EventRecord } from "../protocol/event.ts";
import { EventError, readEvent, readSeed } from "../protocol/event-request.ts";
import type { RegisteredFunction } from "../protocol/function-config.ts";
import { headers } from "../protocol/headers.ts";
import { eventUlid, runIdOf, type UlidParts } from "../protocol/ids.ts";
import { ApiError } from "./api-error.ts";
import { readBody } from "./body.ts";
import { findFunction } from "./functions.ts";
import { signingKeyGuard, type SettingsSource } from "./guard.ts";

/** `POST /invoke/:slug`: starts a function whatever its triggers (inngest-protocol §1.5). */
export function invokeRoutes(objects: Objects, env: string, settings: SettingsSource): Hono {
  const app = new Hono();
  app.use("/invoke/*", signingKeyGuard(settings));

  app.post("/invoke/:slug{.+}", async (c) => {
    const fn = await findFunction(objects, env, c.req.param("slug"));
    const now = Date.now();
    const seed = readSeed(c.req.header(headers.eventIdSeed), now, crypto.getRandomValues(new Uint8Array(10)));
    const { internalId } = await invokeFunction(objects, env, fn, {
      event: readObject(await readBody(c.req.raw)),
      seed,
      now,
    });
    return c.json({ id: internalId, status: 200 });
  });
  return app;
}

export interface Invocation {
  /** fields of an event, whose name does not matter */
  event: object;
  seed: UlidParts;
  now: number;
  /** within 24 hours, a function is invoked once with the same */
  idempotencyKey?: string;
}

/**
 * Sends the event that starts a function.
 *
 * @returns its id, and that of its run unless the function collects events
 * @throws ApiError 400 for what is no event, 409 naming the run that has the idempotency key already
 */
export async function invokeFunction(
  objects: Objects,
  env: string,
  fn: RegisteredFunction,
  { event, seed, now, idempotencyKey }: Invocation,
): Promise<{ internalId: string; runId: string | null }> {
  const sent = readInvocation(event, now);
  const userId = idempotencyKey === undefined ? sent.userId : `invoke:${fn.id}:${idempotencyKey}`;
  const ownId = eventUlid(seed, 0); // counted from 0, where events are counted from 1 (inngest-protocol §1.4)
  const internalId = idempotencyKey === undefined ? ownId : await claim(objects, env, fn, `${userId}`, ownId);
  const record: EventRecord = {
    internalId,
    ...(userId === undefined ? {} : { userId }),
    event: {
      ...sent.event,
      id: sent.userId ?? internalId,
      name: internalEvents.invoked,
      data: { ...sent.event.data, _inngest: { fn_id: fn.id, type: "api" } },
    },
  };
  await acceptRecords(objects, env, [record], now);
  const isCollecting = fn.flow?.batch !== undefined || fn.flow?.debounce !== undefined;
  return { internalId, runId: isCollecting ? null : runIdOf(internalId, fn.id) };
}

/**
 * The id of the event that an idempotency key names.
 *
 * @throws InvokedBefore when that was sent already; one whose sender died before is sent now
 */
async function claim(objects: Objects, env: string, fn: RegisteredFunction, userId: string, ownId: string) {
  const holder = await claimOf(objects, env, { functionId: fn.id, userId, internalId: ownId });
  if (holder !== ownId && (await objects.log(env, logOf(holder)).event(holder)))
    throw new InvokedBefore(runIdOf(holder, fn.id), fn.id);
  return holder;
}

export class InvokedBefore extends ApiError {
  readonly runId: string;

  constructor(runId: string, functionId: string) {
    super(
      409,
      "idempotency_conflict",
      `idempotencyKey: function "${functionId}" was invoked with it already: run ${runId}`,
    );
    this.runId = runId;
  }
}

function readObject(text: string): object {
  let json: unknown;
  try {
    json = text.trim() === "" ? {} : JSON.parse(text);
  } catch (error) {
    throw invalid(error);
  }
  if (typeof json !== "object" || json === null || Array.isArray(json)) throw invalid("must be a JSON object");
  return json;
}

function readInvocation(event: object, now: number): EventRecord {
  try {
    return readEvent({ ...event, name: "invoke" }, "event", "", now);
  } catch (error) {
    if (error instanceof EventError) throw invalid(error);
    throw error;
  }
}

function invalid(why: unknown): ApiError {
  return new ApiError(400, "invalid_request", `body: ${why instanceof Error ? why.message : why}`);
}
