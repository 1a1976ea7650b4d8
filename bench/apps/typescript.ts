/**
 * An app of the measured functions behind `node:http`, with one of the TypeScript clients, in a process of its own: clients of
 * two lines in one process take each other's place in its globals.
 */
import { fork } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import type { Mark } from "../functions.ts";
import { Marks } from "../marks.ts";

export type TypeScriptApp = "http" | "v4" | "v3";

export interface App {
  marks: Marks;
  close(): Promise<void>;
}

/** What the process tells: where it serves, once it is registered; then what its runs tell. */
export type Message = { ready: string } | { mark: Mark };

const READY_WITHIN_MS = 30_000;

/** Starts the app and has it tell the platform of its functions. */
export async function serveApp(kind: TypeScriptApp, platformUrl: string): Promise<App> {
  const marks = new Marks();
  const child = fork(join(import.meta.dirname, "typescript-process.ts"), [kind, platformUrl]);
  const ready = Promise.withResolvers<string>();
  const late = setTimeout(() => ready.reject(new Error(`The app of ${kind} did not get ready`)), READY_WITHIN_MS);
  child.on("message", (message: Message) => {
    if ("mark" in message) marks.add(message.mark);
    else ready.resolve(message.ready);
  });
  child.once("exit", (code, signal) => ready.reject(new Error(`The app of ${kind} ended: ${signal ?? code}`)));
  try {
    await ready.promise;
  } catch (error) {
    child.kill("SIGKILL");
    throw error;
  } finally {
    clearTimeout(late);
  }
  return {
    marks,
    async close() {
      if (child.exitCode !== null || child.signalCode !== null) return;
      const ended = once(child, "exit");
      child.kill("SIGKILL");
      await ended;
    },
  };
}
