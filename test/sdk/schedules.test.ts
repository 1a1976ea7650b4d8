import { describe, expect, test } from "vitest";
import { Inngest, type ScheduleError } from "../../src/sdk/index.ts";

interface Sent {
  method: string;
  url: string;
  body: unknown;
  authorization: string | null;
}

/** A client whose server answers as it is told. */
function client(answer: () => Response | Promise<Response>, options: object = { isDev: true }) {
  const sent: Sent[] = [];
  const { schedules } = new Inngest({
    id: "a",
    baseUrl: "https://platform.example.com/inngest",
    ...options,
    fetch: async (...[url, init]) => {
      const request = new Request(url, init);
      const text = await request.text();
      const body: unknown = text === "" ? undefined : JSON.parse(text);
      sent.push({
        method: request.method,
        url: request.url,
        body,
        authorization: request.headers.get("authorization"),
      });
      return answer();
    },
  });
  return { schedules, sent };
}

const OK = () => Response.json({ data: { id: "s", every: 5_000, next_fire_at: "2026-01-01T00:00:00.000Z" } });

describe("client.schedules", () => {
  test("sends durations as milliseconds and instants as epoch milliseconds, under the names of the wire", async () => {
    const { schedules, sent } = client(OK);
    const event = { name: "e", data: { n: 1 } };
    const made = await schedules.create({
      id: "s",
      every: "5s",
      startAt: new Date(5),
      endAt: 7,
      catchUp: "all",
      event,
    });
    expect([made.id, made.every, made.nextFireAt, made.endAt]).toEqual(["s", 5_000, new Date("2026-01-01"), null]);
    await schedules.update("a b/c", { endAt: null, paused: true });
    const url = "https://platform.example.com/inngest/v1/schedules";
    expect(sent).toEqual([
      { method: "POST", url, body: { id: "s", every: 5_000, start_at: 5, end_at: 7, catch_up: "all", event }, authorization: null }, // oxfmt-ignore
      { method: "PATCH", url: `${url}/a%20b%2Fc`, body: { end_at: null, paused: true }, authorization: null },
    ]);
  });

  test("tries the fallback key when the signing key is refused", async () => {
    let answers = 0;
    const keys = { signingKey: "signkey-test-aa", signingKeyFallback: "signkey-test-bb" };
    const { schedules, sent } = client(() => (answers++ === 0 ? Response.json({}, { status: 401 }) : OK()), keys);
    await schedules.get("s");
    expect(new Set(sent.map(({ authorization }) => authorization)).size).toBe(2);
  });

  test.each<[string, () => Response, Partial<ScheduleError>]>([
    ["what the platform says", () => Response.json({ error: "id: is another's", code: "schedule_exists" }, { status: 409 }), { message: "inngest.schedules.get: id: is another's", code: "schedule_exists", status: 409 }],
    ["a status without words", () => new Response("<html>", { status: 502 }), { message: "inngest.schedules.get: the platform answered 502", code: "schedule_failed", status: 502 }],
    ["what is no platform", () => new Response("<html>"), { message: "inngest.schedules.get: https://platform.example.com/inngest/ did not answer as the platform does; schedules are @dotdo/inngest's own, check INNGEST_BASE_URL", status: 200 }],
  ])("throws ScheduleError for %s", async (_, answer, error) => {
    await expect(client(answer).schedules.get("s")).rejects.toMatchObject({ name: "ScheduleError", ...error });
  }); // oxfmt-ignore

  test("throws ScheduleError when nobody answers, with the cause", async () => {
    const cause = new TypeError("connection refused");
    const failing = client(() => Promise.reject(cause));
    await expect(failing.schedules.list()).rejects.toMatchObject({
      code: "schedule_failed",
      status: undefined,
      cause,
      message: expect.stringContaining("https://platform.example.com/inngest/ cannot be reached (connection refused)"),
    });
  });

  test("refuses a duration or date that cannot be read, before anything is sent", async () => {
    const { schedules, sent } = client(OK);
    const event = { name: "e" };
    await expect(schedules.create({ id: "s", every: "often", event })).rejects.toThrow("every: cannot read");
    await expect(schedules.create({ id: "s", every: "1h", startAt: "soon", event })).rejects.toThrow("startAt: ");
    expect(sent).toEqual([]);
  });
});
