/** The in-memory host keeps the rules that workerd keeps (test/workers/behaviours-*.test.ts). */
import { vi } from "vitest";
import { Inngest } from "../../src/sdk/index.ts";
import { createTestPlatform } from "../../src/testing/platform.ts";
import { behaviours, type BehaviourHost } from "../contract/behaviours.ts";
import { flowBehaviours } from "../contract/flow-behaviours.ts";
import { makeFunctions } from "../fixtures/functions.ts";
import { frontDoor } from "../helpers/front-door.ts";
import { MemoryDoor } from "../helpers/memory-door.ts";

vi.setConfig({ testTimeout: 30_000 }); // as in workerd
const silent = { debug() {}, info() {}, warn() {}, error() {} };
const memory = new MemoryDoor();

const host: BehaviourHost = {
  door: frontDoor(memory),
  transports: ["local", "http"], // another Worker is nothing that this host has
  apps: { local: memory.hooks, binding: memory.hooks, http: memory.hooks },
  begin: (transport) => {
    const functions = ["local", "http"].flatMap((id) => makeFunctions(new Inngest({ id, logger: silent })));
    return memory.open(createTestPlatform({ functions, transport: transport === "http" ? "http" : "local" }));
  },
  end: async () => memory.close(),
  pass: (ms) => memory.pass(ms),
  crash: (interrupted) => memory.crash(interrupted),
  skips: {
    "[G11] reaches functions of other apps of the environment":
      "both apps count in one process here, so they look the same",
    "over http: may be 1,000 in one run": "half a minute of parsing, with nothing of the host's own in it",
  },
};

behaviours(host);
flowBehaviours(host);
