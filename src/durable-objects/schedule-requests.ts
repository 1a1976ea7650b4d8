/** What is asked about schedules, whichever way it came: over HTTP, or from code in the platform's own Worker. */
import type { JsonObject } from "../protocol/json.ts";
import {
  readSchedule,
  readScheduleChanges,
  readScheduleList,
  ScheduleInvalidError,
  scheduleJson,
  type ScheduleAnswer,
  type ScheduleRequest,
} from "../protocol/schedule.ts";
import type { Objects, ScheduleOutcome } from "./objects.ts";

/** Answers with status and body, also when the request cannot be. @throws only what an object throws */
export async function answerScheduleRequest(
  objects: Objects,
  env: string,
  request: ScheduleRequest,
  now: number,
): Promise<ScheduleAnswer> {
  try {
    return await answer(objects, env, request, now);
  } catch (error) {
    if (error instanceof ScheduleInvalidError) return problem(400, "schedule_invalid", error.message);
    throw error;
  }
}

async function answer(objects: Objects, env: string, request: ScheduleRequest, now: number): Promise<ScheduleAnswer> {
  const registry = objects.registry(env);
  switch (request.kind) {
    case "create":
      return told(await registry.createSchedule(readSchedule(request.schedule)), "", now);
    case "update":
      return told(await registry.updateSchedule(request.id, readScheduleChanges(request.changes)), request.id, now);
    case "get": {
      const schedule = await registry.schedule(request.id);
      return schedule ? found(200, scheduleJson(schedule), now) : notFound(request.id);
    }
    case "delete": {
      const { kind } = await registry.deleteSchedule(request.id);
      return kind === "deleted" ? found(200, { id: request.id, deleted: true }, now) : notFound(request.id);
    }
    case "list": {
      const { limit, cursor } = readScheduleList(request);
      const { schedules, hasMore } = await registry.listSchedules(cursor, limit);
      const { body } = found(200, schedules.map(scheduleJson), now);
      return {
        status: 200,
        body: { ...body, page: { cursor: hasMore ? (schedules.at(-1)?.definition.id ?? null) : null } },
      };
    }
  }
}

function told(outcome: ScheduleOutcome, id: string, now: number): ScheduleAnswer {
  switch (outcome.kind) {
    case "done":
      return found(outcome.isNew ? 201 : 200, scheduleJson(outcome.schedule), now);
    case "invalid":
      return problem(400, "schedule_invalid", outcome.message);
    case "taken":
      return problem(409, "schedule_exists", outcome.message);
    case "full":
      return problem(409, "schedules_exceeded", outcome.message);
    case "unknown":
      return notFound(id);
  }
}

function notFound(id: string): ScheduleAnswer {
  return problem(404, "schedule_not_found", `schedule ${JSON.stringify(id.slice(0, 300))} not found`);
}

function found(status: 200 | 201, data: JsonObject | JsonObject[], now: number): ScheduleAnswer {
  return { status, body: { data, metadata: { fetched_at: new Date(now).toISOString(), cached_until: null } } };
}

function problem(status: 400 | 404 | 409, code: string, message: string): ScheduleAnswer {
  return { status, body: { error: message, code, status, data: null } };
}
