import { headers } from "./protocol/headers.ts";

/** Environment of requests that name none, and of functions that live in the platform's own Worker. */
export const MAIN_ENV = "main";

/** Names as branches have them; a slash is written otherwise in names of objects. */
const NAME = /^[A-Za-z0-9][A-Za-z0-9._/-]{0,63}$/;

/** A production key: with one Inngest takes no branch from a request (inngest-protocol §5), and neither do we. */
const PRODUCTION_KEY = /^signkey-prod-/;

export type RequestedEnvironment = { kind: "named"; name: string } | { kind: "invalid"; message: string };

/**
 * The branch environment that a request asks for: `x-inngest-env`, with events also as query parameter. `main` when it
 * asks for none, or when the platform's signing key is one of production: official SDKs send the branch that their host
 * names, so an app deployed from `master` would else part from those that name nothing.
 */
export function requestedEnvironment(request: Request, signingKeys: readonly string[]): RequestedEnvironment {
  return environmentOf(request.headers.get(headers.env) ?? queried(request.url), signingKeys);
}

/** What a name comes to. */
export function environmentOf(text: string, signingKeys: readonly string[]): RequestedEnvironment {
  const [key = ""] = signingKeys;
  const name = text.trim();
  return name === "" || PRODUCTION_KEY.test(key) ? { kind: "named", name: MAIN_ENV } : readEnvironment(name);
}

export function readEnvironment(name: string): RequestedEnvironment {
  if (NAME.test(name)) return { kind: "named", name };
  return {
    kind: "invalid",
    message: `${headers.env}: ${JSON.stringify(name.slice(0, 100))} is not the name of an environment: 1 to 64 letters, digits and . _ / -, of which the first is a letter or digit`,
  };
}

function queried(text: string): string {
  if (!text.includes(headers.env)) return ""; // most events come this way
  const url = new URL(text);
  return url.pathname.startsWith("/e/") ? (url.searchParams.get(headers.env) ?? "") : "";
}
