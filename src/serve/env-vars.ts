import type { EnvVars } from "../sdk/environment.ts";

/** The variables among a Worker's bindings: those that are text. Other platforms pass other objects, or nothing. */
export function envVarsOf(env: unknown): EnvVars {
  if (typeof env !== "object" || env === null) return {};
  return Object.fromEntries(Object.entries(env).filter(([, value]) => typeof value === "string"));
}
