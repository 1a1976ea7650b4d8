import * as z from "zod";
import { scheduleCreateSchema, scheduleListSchema, scheduleUpdateSchema } from "../../protocol/schedule.ts";
import { enveloped, instant, jsonObject, paged, type Group } from "./operation.ts";

export const scheduleSchema = z.object({
  id: z.string(),
  cron: z.string().nullable(),
  every: z.number().nullable().describe("Milliseconds"),
  timezone: z.string().nullable(),
  event: z.object({ name: z.string(), data: jsonObject }).nullable(),
  function: z.string().nullable(),
  data: jsonObject.nullable(),
  start_at: instant.nullable(),
  end_at: instant.nullable(),
  overlap: z.enum(["allow", "skip", "queue", "cancel-previous"]),
  catch_up: z.enum(["latest", "all", "none"]),
  paused: z.boolean(),
  created_at: instant,
  updated_at: instant,
  next_fire_at: instant.nullable(),
  last_fire_at: instant.nullable(),
});

export const schedules: Group = {
  name: "Schedules",
  says: "Schedules that are made at run time: docs/schedules.md.",
  operations: [
    {
      at: "POST /v1/schedules",
      id: "createSchedule",
      says: "Makes a schedule",
      body: scheduleCreateSchema,
      status: 201,
      answer: enveloped(scheduleSchema),
      errors: { 409: "The id is taken: `schedule_exists`, or there are as many as there may be: `schedules_exceeded`" },
    },
    {
      at: "GET /v1/schedules",
      id: "listSchedules",
      says: "Schedules, by their ids",
      query: scheduleListSchema,
      answer: paged(scheduleSchema),
    },
    {
      at: "GET /v1/schedules/:id",
      id: "getSchedule",
      says: "A schedule",
      answer: enveloped(scheduleSchema),
      errors: { 404: "`schedule_not_found`" },
    },
    {
      at: "PATCH /v1/schedules/:id",
      id: "updateSchedule",
      says: "Changes a schedule; what is null goes back to its default",
      body: scheduleUpdateSchema,
      answer: enveloped(scheduleSchema),
      errors: { 404: "`schedule_not_found`" },
    },
    {
      at: "DELETE /v1/schedules/:id",
      id: "deleteSchedule",
      says: "Deletes a schedule",
      answer: enveloped(z.object({ id: z.string(), deleted: z.literal(true) })),
      errors: { 404: "`schedule_not_found`" },
    },
  ],
};
