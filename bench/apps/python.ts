/** A Python app of the official client, in a process of its own: one request for each step. */
import { join } from "node:path";
import { type Client, runtimes } from "../../test/interop/clients.ts";
import { startApp, sync } from "../../test/interop/setup.ts";
import type { Mark } from "../functions.ts";
import { Marks } from "../marks.ts";
import type { App } from "./typescript.ts";

const client: Client = {
  id: "python",
  runtime: "python",
  directory: "python",
  command: (interpreter) => [interpreter, join(import.meta.dirname, "python.py")],
};

/** @throws Error with the remedy when this machine has no Python, or no packages for it */
export async function servePython(platformUrl: string): Promise<App> {
  const app = await startApp(client, runtimes.python(), { INNGEST_DEV: platformUrl });
  await sync(app);
  return {
    marks: new Marks(async () => (await (await fetch(`${app.url}/marks`)).json()) as Mark[]),
    close: app.stop,
  };
}
