/** Environment variables as a Worker or process hands them over. */
export type EnvVars = Record<string, string | undefined>;

/** A variable of the process, where there is one; undefined in browsers and where reading is not permitted (Deno). */
export function processEnv(name: string): string | undefined {
  try {
    return (globalThis as { process?: { env?: EnvVars } }).process?.env?.[name];
  } catch {
    return undefined;
  }
}

declare const process: { env: EnvVars };

/**
 * A variable under the names that bundlers let through to browsers. They replace the very expression, so it must be
 * written out.
 */
export function publicEnv(name: string): string | undefined {
  try {
    if (name === "INNGEST_DEV") return process.env.NEXT_PUBLIC_INNGEST_DEV ?? process.env.REACT_APP_INNGEST_DEV;
    if (name === "INNGEST_BASE_URL")
      return process.env.NEXT_PUBLIC_INNGEST_BASE_URL ?? process.env.REACT_APP_INNGEST_BASE_URL;
  } catch {
    // no process here, and nothing was replaced
  }
  return undefined;
}

/** Where hosting platforms say which branch they deploy, in the order in which they are asked (inngest-features §1.11). */
const BRANCH_VARIABLES = [
  "INNGEST_ENV",
  "BRANCH_NAME",
  "VERCEL_GIT_COMMIT_REF",
  "BRANCH",
  "CF_PAGES_BRANCH",
  "RENDER_GIT_BRANCH",
  "RAILWAY_GIT_BRANCH",
];

/** Name of the branch environment, if the surroundings name one. */
export function branchEnv(envVar: (name: string) => string | undefined): string | undefined {
  for (const name of BRANCH_VARIABLES) {
    const value = envVar(name);
    if (value !== undefined) return value;
  }
  return undefined;
}

/** Whether a variable switches off what is on without it. */
export function isNo(value: string | undefined): boolean {
  return /^(?:0|false|no|off)$/i.test(value ?? "");
}

/** What `INNGEST_DEV` says: development or not, and where the development server is when it is a URL. */
export interface DevSetting {
  isDev: boolean;
  url?: string;
}

/**
 * Reads `INNGEST_DEV`. A value that is neither yes, no nor a URL is refused: taking it for yes would open the app to
 * unsigned calls.
 *
 * @throws TypeError naming the value
 */
export function readDevSetting(value: string | undefined): DevSetting {
  const text = value?.trim() ?? "";
  if (/^(?:|0|false|no|off)$/i.test(text)) return { isDev: false };
  if (/^(?:1|true|yes|on)$/i.test(text)) return { isDev: true };
  return { isDev: true, url: baseUrl(text, "INNGEST_DEV") };
}

/**
 * A base URL that paths can be joined to: it ends in a slash and has no query.
 *
 * @param field what to call the value in errors
 * @throws TypeError naming the field and the value
 */
export function baseUrl(value: string, field: string): string {
  const text = value.trim();
  const url = parseUrl(/^[a-z][a-z0-9+.-]*:\/\//i.test(text) ? text : `http://${text}`); // "localhost:8288"
  const isWord = /^[^.:/]*$/.test(text) && text !== "localhost"; // a typing mistake rather than a host
  if (url === undefined || isWord || (url.protocol !== "http:" && url.protocol !== "https:"))
    throw new TypeError(`${field}: ${JSON.stringify(value)} is not a URL such as http://localhost:8288`);
  return `${url.origin}${url.pathname.replace(/\/*$/, "/")}`;
}

function parseUrl(text: string): URL | undefined {
  try {
    return new URL(text);
  } catch {
    return undefined;
  }
}
