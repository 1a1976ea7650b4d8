import { describe, expect, inject, it } from "vitest";
import { behaviours } from "./behaviours.ts";
import { capabilities, clients, known } from "./clients.ts";
import exclusions from "./exclusions.json" with { type: "json" };
import { stageOf } from "./stage.ts";

const apps = inject("apps");
const missing = inject("missing");

it("what is excluded is a capability of a client, with a reason", () => {
  for (const [client, reasons] of Object.entries(exclusions)) {
    expect(known).toContain(client);
    for (const [capability, reason] of Object.entries(reasons)) {
      expect(capabilities).toContain(capability);
      expect(reason).toMatch(/\w+ \w+/);
    }
  }
});

for (const client of clients) {
  const url = apps[client.id];
  if (url === undefined) it.skip(`${client.id}: ${missing[client.id]}`, () => {});
  else describe(client.id, () => behaviours(client, stageOf(client.id, inject("platform"), url), Object.keys(apps)));
}
