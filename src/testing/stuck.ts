import type { Stuck } from "./host/driver.ts";
import { when } from "./timeline.ts";

/** Why nothing goes on, and what to do about it. */
export function whyStuck(stuck: Stuck, start: number): string {
  switch (stuck.kind) {
    case "idle":
      return "nothing is left that could happen: no deadline, no event under way";
    case "executing":
      return `code has been executing for ${stuck.patienceMs} ms of real time, while which virtual time stands still (runs ${stuck.runs.join(", ") || "none: the platform itself"}); raise \`patience\` if it needs longer, or use step(id).hang() if it is meant to hang`;
    case "limit":
      return `not until ${when(stuck.at, start)}`;
    case "endless":
      return `no end in sight: time has moved on ${stuck.instants} times; does something repeat for ever?`;
  }
}
