import type { OverlapPolicy } from "../protocol/flow-control.ts";
import { isObject, type JsonObject, type JsonValue } from "../protocol/json.ts";
import type { CatchUpPolicy, ScheduleAnswer, ScheduleRequest } from "../protocol/schedule.ts";
import { durationMs, instantMs, type DurationInput, type InstantInput } from "../protocol/time-string.ts";
import { callApi, type ApiClient } from "./api.ts";
import { serializeError } from "./serialize-error.ts";

const TIMEOUT_MS = 30_000;

/** What a schedule is to do when. */
export interface ScheduleOptions {
  /**
   * When it ticks: five fields, or six that begin with the second, as in the schedules of functions. Either this or
   * `every`
   */
  cron?: string;
  /** ticks at multiples of this, counted from `startAt`, or from 1970: milliseconds or a duration of at least 1 second */
  every?: DurationInput;
  /** of `cron`, such as `"Europe/Berlin"`. Default UTC */
  timezone?: string | null;
  /** sent at each tick; `data._inngest` says for which. Either this or `function` */
  event?: { name: string; data?: object };
  /** id of a function that is started at each tick, whatever its triggers: `"<app>-<function>"` */
  function?: string;
  /** `event.data` of the function's runs. At most 256 KiB */
  data?: object;
  /** no tick before. Default: from now on */
  startAt?: InstantInput | null;
  /** no tick after. Default: none is the last */
  endAt?: InstantInput | null;
  /**
   * What happens at a tick while the run of an earlier one goes on: `allow` lets both run; `skip` skips the new run;
   * `queue` lets it wait; `cancel-previous` cancels the old one. Default `allow`
   */
  overlap?: OverlapPolicy;
  /**
   * Which ticks that a downtime has missed are made up: the `latest`; `all`, up to 1,000; or `none` that is more than a
   * minute late. Default `latest`
   */
  catchUp?: CatchUpPolicy;
  /** a schedule that is paused does not tick; what it has missed then is not made up. Default false */
  paused?: boolean;
}

/** A schedule as the platform has it. */
export interface DynamicSchedule {
  id: string;
  cron: string | null;
  /** milliseconds */
  every: number | null;
  timezone: string | null;
  event: { name: string; data: JsonObject } | null;
  function: string | null;
  /** of the function's runs; null when there is an event */
  data: JsonObject | null;
  startAt: Date | null;
  endAt: Date | null;
  overlap: OverlapPolicy;
  catchUp: CatchUpPolicy;
  paused: boolean;
  createdAt: Date;
  updatedAt: Date;
  /** null when no tick comes any more, or while it is paused */
  nextFireAt: Date | null;
  /** the tick that was sent last */
  lastFireAt: Date | null;
}

/** A request about schedules that was refused, or not answered. */
export class ScheduleError extends Error {
  /** what is wrong; `schedule_failed` when the platform did not say */
  readonly code: string;
  /** what the platform answered; undefined when it was not reached */
  readonly status: number | undefined;

  constructor(message: string, options: { code?: string; status?: number; cause?: unknown }) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = "ScheduleError";
    this.code = options.code ?? "schedule_failed";
    this.status = options.status;
  }
}

/** Asks the platform in process. */
export type ScheduleService = (request: ScheduleRequest) => Promise<ScheduleAnswer>;

const SERVICE = Symbol.for("dotdo.inngest.schedules"); // shared by all copies of this package

/** Lets a client ask in process: how a Worker that holds app and platform avoids calling itself. */
export function bindSchedules(client: object, service: ScheduleService): void {
  Object.defineProperty(client, SERVICE, { value: service, configurable: true });
}

/** Schedules that are made, changed and deleted at run time. Ours: Inngest has none. See {@link Inngest.schedules}. */
export class Schedules {
  readonly #client: ApiClient;

  /** @internal use `client.schedules` */
  constructor(client: ApiClient) {
    this.#client = client;
  }

  /**
   * Makes a schedule. The very same again changes nothing, so it may be repeated.
   *
   * @param options.id unique in the environment, at most 255 bytes
   * @throws ScheduleError with `code` `schedule_exists` when another has its id, `schedule_invalid` naming the field
   * @example
   * await inngest.schedules.create({
   *   id: `digest-${user.id}`,
   *   cron: "0 8 * * *",
   *   timezone: user.timezone,
   *   event: { name: "digest/due", data: { userId: user.id } },
   * });
   */
  async create(options: { id: string } & ScheduleOptions): Promise<DynamicSchedule> {
    const { id, ...rest } = options;
    return scheduleOf(await this.#ask({ kind: "create", schedule: { id, ...wireOptions(rest) } }));
  }

  /** @throws ScheduleError with `code` `schedule_not_found` */
  async get(id: string): Promise<DynamicSchedule> {
    return scheduleOf(await this.#ask({ kind: "get", id }));
  }

  /**
   * Schedules in the order of their ids.
   *
   * @param options.limit at most so many, up to 100. Default 20
   * @param options.cursor of the page before
   * @returns `cursor` for the next page, null with the last
   */
  async list(
    options: { limit?: number; cursor?: string } = {},
  ): Promise<{ schedules: DynamicSchedule[]; cursor: string | null }> {
    const { data, page } = await this.#ask({ kind: "list", ...options });
    const cursor = isObject(page) && typeof page.cursor === "string" ? page.cursor : null;
    return { schedules: (Array.isArray(data) ? data : []).map((one) => scheduleOf({ data: one })), cursor };
  }

  /**
   * Replaces the fields that are given; null puts `timezone`, `startAt` or `endAt` back to its default. With other times it
   * begins anew from now on; no tick comes twice.
   *
   * @throws ScheduleError with `code` `schedule_not_found`, or `schedule_invalid` naming the field
   * @example
   * await inngest.schedules.update("digest-u1", { paused: true });
   */
  async update(id: string, changes: ScheduleOptions): Promise<DynamicSchedule> {
    return scheduleOf(await this.#ask({ kind: "update", id, changes: wireOptions(changes) }));
  }

  /** No tick comes any more. False when there was no such schedule, so it may be repeated. */
  async delete(id: string): Promise<boolean> {
    const { data } = await this.#ask({ kind: "delete", id }, true);
    return isJsonObject(data) && data.deleted === true;
  }

  async #ask(request: ScheduleRequest, mayBeGone = false): Promise<JsonObject> {
    const service = (this.#client as { [SERVICE]?: ScheduleService })[SERVICE];
    const plain: ScheduleRequest = JSON.parse(JSON.stringify(request)); // what HTTP would carry, no more
    const { status, body } = service ? await service(plain) : await askByHttp(this.#client, plain);
    if (status < 300) return body;
    if (mayBeGone && body.code === "schedule_not_found") return {};
    const said = typeof body.error === "string" ? body.error : `the platform answered ${status}`;
    throw new ScheduleError(`inngest.schedules.${request.kind}: ${said}`, {
      status,
      code: typeof body.code === "string" ? body.code : undefined,
    });
  }
}

async function askByHttp(client: ApiClient, request: ScheduleRequest): Promise<{ status: number; body: JsonObject }> {
  let response: Response;
  let text: string;
  try {
    const { method, path, body } = httpRequest(request);
    response = await callApi(client, path, {
      method,
      timeoutMs: TIMEOUT_MS,
      ...(body !== undefined && { body: JSON.stringify(body), headers: { "content-type": "application/json" } }),
    });
    text = await response.text();
  } catch (cause) {
    throw new ScheduleError(
      `inngest.schedules.${request.kind}: ${client.apiBaseUrl} cannot be reached (${serializeError(cause).message}); is the server running, and is INNGEST_BASE_URL or INNGEST_DEV right?`,
      { cause },
    );
  }
  const body = readObject(text);
  if (response.ok && !body)
    throw new ScheduleError(
      `inngest.schedules.${request.kind}: ${client.apiBaseUrl} did not answer as the platform does; schedules are @dotdo/inngest's own, check INNGEST_BASE_URL`,
      { status: response.status },
    );
  return { status: response.status, body: body ?? {} };
}

function httpRequest(request: ScheduleRequest): { method: string; path: string; body?: unknown } {
  const path = "v1/schedules";
  switch (request.kind) {
    case "create":
      return { method: "POST", path, body: request.schedule };
    case "list": {
      const query = new URLSearchParams();
      if (request.limit !== undefined) query.set("limit", String(request.limit));
      if (request.cursor !== undefined) query.set("cursor", request.cursor);
      return { method: "GET", path: `${path}?${query}` };
    }
    case "get":
      return { method: "GET", path: `${path}/${encodeURIComponent(request.id)}` };
    case "update":
      return { method: "PATCH", path: `${path}/${encodeURIComponent(request.id)}`, body: request.changes };
    case "delete":
      return { method: "DELETE", path: `${path}/${encodeURIComponent(request.id)}` };
  }
}

function readObject(text: string): JsonObject | null {
  try {
    const value: JsonValue = JSON.parse(text);
    return isJsonObject(value) ? value : null;
  } catch {
    return null;
  }
}

function isJsonObject(value: JsonValue | undefined): value is JsonObject {
  return isObject(value);
}

/** Field names of the wire; others go as they are, and are refused there by name. */
function wireOptions({ startAt, endAt, catchUp, every, ...others }: ScheduleOptions): object {
  return {
    ...others,
    every: every === undefined || every === null ? every : durationMs(every, "every"),
    start_at: wireInstant(startAt, "startAt"),
    end_at: wireInstant(endAt, "endAt"),
    catch_up: catchUp,
  };
}

function wireInstant(at: InstantInput | null | undefined, field: string): number | null | undefined {
  return at === undefined || at === null ? at : instantMs(at, field);
}

function scheduleOf({ data }: JsonObject): DynamicSchedule {
  const { every, start_at, end_at, catch_up, created_at, updated_at, next_fire_at, last_fire_at, ...same } =
    isJsonObject(data) ? data : {};
  return {
    ...same,
    every,
    startAt: dateOf(start_at),
    endAt: dateOf(end_at),
    catchUp: catch_up,
    createdAt: dateOf(created_at),
    updatedAt: dateOf(updated_at),
    nextFireAt: dateOf(next_fire_at),
    lastFireAt: dateOf(last_fire_at),
  } as DynamicSchedule; // the platform's own answer
}

function dateOf(at: JsonValue | undefined): Date | null {
  return typeof at === "string" ? new Date(at) : null;
}
