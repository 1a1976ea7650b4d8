/** `@dotdo/inngest/connect`: workers that dial out to the platform and are sent their calls, so that nothing need reach them. */
import { type ConnectHandlerOptions, readOptions } from "./options.ts";
import { openSocket } from "./socket.ts";
import type { WorkerConnection } from "./state.ts";
import { Worker } from "./worker.ts";

export { DEFAULT_SHUTDOWN_SIGNALS, type ConnectApp, type ConnectHandlerOptions } from "./options.ts";
export { ConnectionState, type ConnectDebugState, type InFlightRequest, type WorkerConnection } from "./state.ts";

/**
 * Connects the process to the platform as a worker of its apps, and stays connected until it is closed. Resolves when it
 * is connected for the first time.
 *
 * Needs a process that lives on, such as a container's, and Node 22, Bun, Deno, or Node 20 with the package `ws`.
 *
 * @throws TypeError for an option that cannot be, and Error when the platform refuses the keys
 * @example
 * const worker = await connect({ apps: [{ client: inngest, functions: [syncUser] }] });
 * await worker.closed; // after SIGTERM, and once all calls have been answered
 */
export async function connect(options: ConnectHandlerOptions): Promise<WorkerConnection> {
  const worker = new Worker(readOptions(options), openSocket);
  await worker.start();
  return worker;
}
