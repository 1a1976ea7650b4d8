import type { JsonObject } from "../protocol/json.ts";
import { keyFingerprint } from "../protocol/signature.ts";
import { version } from "../sdk/version.ts";
import type { ServedApp } from "./app.ts";
import { isStreaming } from "./streaming.ts";

/**
 * GET: what the app is. Anybody may learn a little in development; the rest is for holders of the signing key
 * (inngest-protocol §2.5).
 */
export async function introspect(app: ServedApp, servedUrl: string, isAuthenticated: boolean): Promise<JsonObject> {
  const { client } = app;
  const open: JsonObject = {
    schema_version: "2024-05-24",
    function_count: app.registrations.size,
    has_event_key: client.eventKey !== undefined,
    has_signing_key: client.signingKey !== undefined,
    has_signing_key_fallback: client.signingKeyFallback !== undefined,
    mode: client.mode,
    extra: { native_crypto: true },
  };
  if (!isAuthenticated) return open;
  const url = new URL(servedUrl);
  const { eventKey, signingKey, signingKeyFallback } = client;
  return {
    ...open,
    authentication_succeeded: true,
    api_origin: client.apiBaseUrl,
    app_id: client.id,
    capabilities: { in_band_sync: "v1", trust_probe: "v1" },
    env: client.env ?? null,
    event_api_origin: client.eventBaseUrl,
    event_key_hash: eventKey === undefined ? null : await keyFingerprint(eventKey, "event"),
    framework: app.framework,
    sdk_language: "js",
    sdk_version: version,
    serve_origin: url.origin,
    serve_path: url.pathname,
    signing_key_hash: signingKey === undefined ? null : await keyFingerprint(signingKey, "signing"),
    signing_key_fallback_hash:
      signingKeyFallback === undefined ? null : await keyFingerprint(signingKeyFallback, "signing"),
    extra: { native_crypto: true, is_streaming: isStreaming(app) },
  };
}
