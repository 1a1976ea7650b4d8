import { describe, inject, it } from "vitest";
import { behaviours } from "./behaviours.ts";
import { clients } from "./clients.ts";
import { stageOf } from "./stage.ts";

const apps = inject("apps");
const missing = inject("missing");

for (const client of clients) {
  const url = apps[client.id];
  if (url === undefined) it.skip(`${client.id}: ${missing[client.id]}`, () => {});
  else describe(client.id, () => behaviours(client, stageOf(client.id, inject("platform"), url), Object.keys(apps)));
}
