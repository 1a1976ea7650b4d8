/** What `createWorker` gives to the objects of the same bundle. One Worker has one platform. */
import type { GatewayParts } from "./connect-object.ts";
import type { Retention } from "./retention.ts";
import type { RunTiming } from "./run-object.ts";
import type { Transports } from "./transport.ts";

export interface Installed {
  transports: Transports;
  retention: Retention;
  timing: RunTiming;
  connect: Omit<GatewayParts, "sockets">;
  /** how many files the runtime may have open; null: that is nobody's concern */
  openFiles: () => number | null;
  /** what subscription tokens are signed with; the first signs */
  realtimeKeys: () => readonly string[];
}

let installed: Installed | null = null;

export function install(parts: Installed): void {
  installed = parts;
}

/** @throws Error when the Worker exports the object classes but never called `createWorker` */
export function installedParts(): Installed {
  if (!installed) throw new Error("the platform is not set up: call createWorker() at the top level of the Worker");
  return installed;
}
