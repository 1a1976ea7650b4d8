import { env } from "cloudflare:workers";
import * as z from "zod";
import type { PlatformVariable } from "./configuration.ts";
import { accessSettings } from "./routes/access.ts";
import type { Settings } from "./routes/guard.ts";

const textsSchema = z.array(z.string().optional());

/**
 * `INNGEST_DEV` (only from `.dev.vars` or the launcher), `INNGEST_EVENT_KEY` (several, separated by commas),
 * `INNGEST_SIGNING_KEY`, `INNGEST_SIGNING_KEY_FALLBACK`, `INNGEST_SDK_URL` (several, separated by commas),
 * `INNGEST_READ_KEY` (several), `INNGEST_ACCESS_TEAM`, `INNGEST_ACCESS_AUD` (several), `INNGEST_ACCESS_WRITERS` (several),
 * `INNGEST_MCP_WRITE`.
 */
export function settings(): Settings {
  const texts = VARIABLES.map((name) => Reflect.get(env, name) as unknown);
  if (known && texts.every((text, index) => text === known?.texts[index])) return known.settings;
  known = { texts, settings: read(texts) };
  return known.settings;
}

const VARIABLES = [
  "INNGEST_DEV",
  "INNGEST_EVENT_KEY",
  "INNGEST_SIGNING_KEY",
  "INNGEST_SIGNING_KEY_FALLBACK",
  "INNGEST_SDK_URL",
  "INNGEST_READ_KEY",
  "INNGEST_ACCESS_TEAM",
  "INNGEST_ACCESS_AUD",
  "INNGEST_ACCESS_WRITERS",
  "INNGEST_MCP_WRITE",
] as const satisfies PlatformVariable[];

/** What was read last, of these texts: every request asks several times. */
let known: { texts: unknown[]; settings: Settings } | null = null;

function read(texts: unknown[]): Settings {
  const [dev = "", eventKeys = "", key = "", fallback = "", sdkUrls = "", readKeys = "", ...more] =
    textsSchema.parse(texts);
  const [team = "", audiences = "", writers = "", mcpWrite = ""] = more;
  return {
    isDev: isOn(dev),
    eventKeys: list(eventKeys),
    signingKeys: [key, fallback].filter((one) => one !== ""),
    sdkUrls: list(sdkUrls),
    readKeys: list(readKeys),
    access: accessSettings(team.trim(), list(audiences), list(writers)),
    mayAgentsAct: mcpWrite === "" ? isOn(dev) : isOn(mcpWrite),
  };
}

/** `INNGEST_OPEN_FILES`, which the launcher sets where files are few; null: they are nobody's concern. */
export function openFiles(): number | null {
  const text: unknown = Reflect.get(env, "INNGEST_OPEN_FILES" satisfies PlatformVariable);
  const files = typeof text === "string" ? Number(text) : Number.NaN;
  return files > 0 ? files : null;
}

/** `INNGEST_RETENTION`, which `createWorker` reads once. */
export function retentionText(): string | undefined {
  const text: unknown = Reflect.get(env, "INNGEST_RETENTION" satisfies PlatformVariable);
  return typeof text === "string" ? text : undefined;
}

function isOn(text: string): boolean {
  return text !== "" && text !== "0" && text.toLowerCase() !== "false";
}

function list(text: string): string[] {
  return text
    .split(",")
    .map((part) => part.trim())
    .filter((part) => part !== "");
}
