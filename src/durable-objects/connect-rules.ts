/** Rules of the gateway (inngest-protocol §7): which worker gets a call, how long it is waited for, who may connect. */
import {
  CONNECT_ACK_MS,
  CONNECT_APPS_MAX,
  CONNECT_LEASE_GRACE_MS,
  CONNECT_LEASE_MS,
  CONNECT_NO_ROOM_MS,
  CONNECT_NO_WORKER_MS,
} from "../protocol/limits.ts";
import type { WorkerConnectRequestData } from "../protocol/connect/connect.ts";

/** `connected`: it has not said that it is ready; `paused`: it goes, and takes no more; `draining`: it was asked to go. */
export type ConnectionPhase = "connected" | "ready" | "paused" | "draining";

/** A worker's connection, as it is kept. */
export interface Connection {
  id: string;
  instanceId: string;
  phase: ConnectionPhase;
  apps: { id: string; version: string | null; functions: string[] }[];
  /** calls it takes at the same time; null: as many as come */
  maxConcurrency: number | null;
  sdk: string;
  platform: string | null;
  connectedAt: number;
}

/** Why a worker is turned away, as close reason; workers try again after all but the authentication. */
export type CloseReason =
  | "connect_worker_hello_timeout"
  | "connect_worker_hello_invalid_msg"
  | "connect_worker_hello_invalid_payload"
  | "connect_authentication_failed"
  | "connect_too_many_apps_per_connection"
  | "connect_sync_failed"
  | "connect_internal_error"
  | "connect_gateway_closing"
  | "connect_worker_silent";

/** What is wrong with how a worker introduces itself; null when nothing is. */
export function refusedHello(hello: WorkerConnectRequestData): CloseReason | null {
  if (hello.apps.length > CONNECT_APPS_MAX) return "connect_too_many_apps_per_connection";
  const ids = hello.apps.map((app) => app.appName);
  if (hello.connectionId === "" || hello.instanceId === "" || ids.length === 0 || ids.includes(""))
    return "connect_worker_hello_invalid_payload";
  return new Set(ids).size < ids.length ? "connect_worker_hello_invalid_payload" : null;
}

export function serves(connection: Connection, functionId: string): boolean {
  return connection.apps.some((app) => app.functions.includes(functionId));
}

export function servesApp(connection: Connection, appId: string): boolean {
  return connection.apps.some((app) => app.id === appId);
}

/** Which worker gets a call: of those that have room the one with the least to do, by chance among equals. */
export function choose(
  connections: Iterable<Connection>,
  functionId: string,
  inFlight: (connection: Connection) => number,
  random: number,
): Connection | null {
  let least = Number.POSITIVE_INFINITY;
  let candidates: Connection[] = [];
  for (const connection of connections) {
    if (connection.phase !== "ready" || !serves(connection, functionId)) continue;
    const load = inFlight(connection);
    if (load >= (connection.maxConcurrency ?? Number.POSITIVE_INFINITY) || load > least) continue;
    if (load < least) candidates = [];
    least = load;
    candidates.push(connection);
  }
  return candidates[Math.floor(random * candidates.length)] ?? null;
}

/** Whether a worker for the function is there at all, busy or not. */
export function isServed(connections: Iterable<Connection>, functionId: string): boolean {
  for (const connection of connections) if (connection.phase === "ready" && serves(connection, functionId)) return true;
  return false;
}

/** When a call has waited for a worker long enough, since it began to and as things stand. */
export function waitsUntil(since: number, served: boolean): number {
  return since + (served ? CONNECT_NO_ROOM_MS : CONNECT_NO_WORKER_MS);
}

/** When a worker that has a call counts as stopped, if nothing is heard of it from now on. */
export function leasedUntil(now: number, isAcknowledged: boolean): number {
  return now + (isAcknowledged ? CONNECT_LEASE_MS + CONNECT_LEASE_GRACE_MS : CONNECT_ACK_MS);
}
