import { env } from "cloudflare:workers";
import * as z from "zod";
import type { PlatformVariable } from "./configuration.ts";
import type { Settings } from "./routes/guard.ts";

const textSchema = z.string().optional();

/**
 * `INNGEST_DEV` (only from `.dev.vars` or the launcher), `INNGEST_EVENT_KEY` (several, separated by commas),
 * `INNGEST_SIGNING_KEY`, `INNGEST_SIGNING_KEY_FALLBACK`, `INNGEST_SDK_URL` (several, separated by commas).
 */
export function settings(): Settings {
  const read = (name: PlatformVariable) => textSchema.parse(Reflect.get(env, name)) ?? "";
  const dev = read("INNGEST_DEV").toLowerCase();
  return {
    isDev: dev !== "" && dev !== "0" && dev !== "false",
    eventKeys: list(read("INNGEST_EVENT_KEY")),
    signingKeys: [read("INNGEST_SIGNING_KEY"), read("INNGEST_SIGNING_KEY_FALLBACK")].filter((key) => key !== ""),
    sdkUrls: list(read("INNGEST_SDK_URL")),
  };
}

function list(text: string): string[] {
  return text
    .split(",")
    .map((part) => part.trim())
    .filter((part) => part !== "");
}
