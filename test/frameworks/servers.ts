/** Frameworks' servers, in this process and in others. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { createServer, type RequestListener, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { freePort } from "../helpers/platform-process.ts";
import { until } from "../helpers/platform-api.ts";
import type { Served } from "./conformance.ts";
import { variables } from "./settings.ts";

/** The variables of this process, for an app in it. */
export function setVariables(apiUrl: string): void {
  Object.assign(process.env, variables(apiUrl));
}

export async function listen(listener: RequestListener): Promise<Served> {
  return listening(createServer(listener).listen(0, "127.0.0.1"));
}

/** A server that has been told to listen. */
export async function listening(server: Server): Promise<Served> {
  if (!server.listening) await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    async close() {
      server.close();
      server.closeAllConnections();
    },
  };
}

const READY_WITHIN_MS = 60_000;

/**
 * Starts a server as a process of its own, below this directory.
 *
 * @param command given the port it must listen on, on 127.0.0.1
 */
export async function listenInProcess(
  apiUrl: string,
  directory: string,
  command: (port: number) => [file: string, ...args: string[]],
  env: Record<string, string> = {},
): Promise<Served> {
  const port = await freePort();
  const [file, ...args] = command(port);
  const child = spawn(file, args, {
    cwd: join(import.meta.dirname, directory),
    detached: true, // frameworks start helpers, which end with it
    stdio: ["ignore", "pipe", "pipe"],
    env: { ...ownVariables(), ...variables(apiUrl), PORT: String(port), HOST: "127.0.0.1", ...env },
  });
  let output = "";
  child.stdout.on("data", (chunk) => (output += chunk));
  child.stderr.on("data", (chunk) => (output += chunk));
  const url = `http://127.0.0.1:${port}`;
  const close = async () => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    const exit = once(child, "exit");
    process.kill(-child.pid!, "SIGKILL");
    await exit;
  };
  try {
    await until(`${file} listens`, READY_WITHIN_MS, async () => {
      if (child.exitCode !== null) throw new Error(`it ended with ${child.exitCode}`);
      return fetch(url, { signal: AbortSignal.timeout(READY_WITHIN_MS) });
    });
  } catch (error) {
    await close();
    throw new Error(`${file} did not start: ${output}`, { cause: error });
  }
  return { url, close };
}

/** Those of this process but for the test runner's, to which frameworks' development servers pay attention. */
function ownVariables(): NodeJS.ProcessEnv {
  const runners = /^(?:VITEST.*|NODE_ENV|TEST|MODE|DEV|PROD|SSR|BASE_URL)$/;
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => !runners.test(name))) as NodeJS.ProcessEnv;
}

/** A program that npm installed here. */
export function bin(name: string): string {
  return join(import.meta.dirname, "node_modules/.bin", name);
}
