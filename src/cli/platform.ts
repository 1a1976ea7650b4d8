/** The public API of a platform, local or deployed, as the commands ask it. */
import type { Option } from "commander";
import { checked, httpUrl, text, type CommandLine } from "./command-line.ts";
import { CommandError } from "./exit-codes.ts";

export const LOCAL_URL = "http://127.0.0.1:8288";

/** Which platform, and who asks: options of every command that talks to one. */
export interface TargetOptions {
  url?: string;
  key?: string;
  env?: string;
  json?: boolean;
}

export function withTarget<C extends CommandLine>(command: C): C {
  for (const option of targetOptions()) command.addOption(option.helpGroup("Platform:"));
  command.option("--json", "print JSON for programs");
  return command;
}

function targetOptions(): Option[] {
  return [
    checked("--url <url>", `where the platform is (variable INNGEST_BASE_URL; default ${LOCAL_URL})`, (value, name) =>
      httpUrl(value, name, "https://inngest.example.workers.dev"),
    ),
    checked("--key <key>", "its signing key (variable INNGEST_SIGNING_KEY); a local one wants none", text),
    checked("--env <name>", "branch environment (variable INNGEST_ENV; default main)", text),
  ];
}

/** The platform that options and variables name. An empty variable is none. */
export function platformOf(options: TargetOptions): Platform {
  const { env } = process;
  const url =
    options.url ??
    (env.INNGEST_BASE_URL
      ? httpUrl(env.INNGEST_BASE_URL, "INNGEST_BASE_URL", "https://inngest.example.workers.dev")
      : LOCAL_URL);
  return new Platform(url, options.key ?? (env.INNGEST_SIGNING_KEY || null), options.env ?? (env.INNGEST_ENV || null));
}

/** A refusal, in the platform's own words. */
export class Refusal extends CommandError {
  readonly status: number;
  readonly code: string | null;

  constructor(status: number, code: string | null, message: string) {
    super(message);
    this.name = "Refusal";
    this.status = status;
    this.code = code;
  }
}

/** No answer: the platform is stopped, or the way to it is broken. */
export class Away extends CommandError {
  constructor(message: string, cause: unknown) {
    super(message, undefined, { cause });
    this.name = "Away";
  }
}

export type Query = Record<string, string | number | boolean | readonly string[] | undefined>;

export interface Sent {
  body?: unknown;
  query?: Query | undefined;
  signal?: AbortSignal | undefined;
  headers?: Record<string, string> | undefined;
}

/** How long one answer may take: a list over many logs, an export of a large run. */
const ANSWERS_WITHIN_MS = 120_000;

export class Platform {
  /** without a slash at its end */
  readonly url: string;
  readonly key: string | null;
  readonly env: string | null;

  constructor(url: string, key: string | null, env: string | null) {
    this.url = url.replace(/\/+$/, "");
    this.key = key;
    this.env = env;
  }

  get<T>(path: string, query?: Query, signal?: AbortSignal): Promise<T> {
    return this.#json("GET", path, { query, signal });
  }

  post<T>(path: string, body: unknown, sent: Sent = {}): Promise<T> {
    return this.#json("POST", path, { ...sent, body });
  }

  delete<T>(path: string, query?: Query): Promise<T> {
    return this.#json("DELETE", path, { query });
  }

  /**
   * An answer that is not refused.
   *
   * @throws Refusal, Away
   */
  async request(method: string, path: string, sent: Sent = {}): Promise<Response> {
    const answer = await this.send(method, path, sent);
    if (answer.ok) return answer;
    throw this.refusal(answer, method, path, await answer.text().catch(() => ""));
  }

  /** An answer, whatever it says. @throws Away */
  async send(method: string, path: string, { body, query, signal, headers }: Sent = {}): Promise<Response> {
    const limit = signal ?? AbortSignal.timeout(ANSWERS_WITHIN_MS);
    const init: RequestInit = {
      method,
      signal: limit,
      redirect: "manual", // a login page would be told the key
      headers: {
        accept: "application/json",
        ...this.credentials(),
        ...(body === undefined ? {} : { "content-type": "application/json" }),
        ...headers,
      },
      ...(body === undefined ? {} : { body: typeof body === "string" ? body : JSON.stringify(body) }),
    };
    try {
      return await fetch(this.url + path + textOf(query), init);
    } catch (error) {
      if (signal?.aborted) throw error;
      throw this.#away(error);
    }
  }

  credentials(): Record<string, string> {
    return {
      ...(this.key === null ? {} : { authorization: `Bearer ${this.key}` }),
      ...(this.env === null ? {} : { "x-inngest-env": this.env }),
    };
  }

  async #json<T>(method: string, path: string, sent: Sent): Promise<T> {
    const answer = await this.request(method, path, sent);
    const body = await answer.text().catch((error: unknown) => {
      throw this.#away(error);
    });
    if (body === "") return null as T;
    try {
      return JSON.parse(body) as T;
    } catch {
      throw this.#stranger(`${method} ${path} answered ${answer.status} without JSON`);
    }
  }

  #away(cause: unknown): Away {
    const { hostname } = new URL(this.url);
    const why = reasonOf(cause);
    const isHere = /^(localhost|127\..*|\[::1\])$/.test(hostname);
    const remedy = isHere
      ? "start the platform: npx @dotdo/inngest dev; or say where it is: --url or INNGEST_BASE_URL"
      : "is the URL right, and this machine online?";
    return new Away(`No platform answers at ${this.url} (${why}); ${remedy}`, cause);
  }

  /** What an answer that is none says, in the platform's words where they are its own. */
  refusal(answer: Response, method: string, path: string, body: string): CommandError {
    const { status } = answer;
    const read = readRefusal(body);
    if (read === null || (status >= 300 && status < 400)) {
      const where = answer.headers.get("location");
      if (where !== null) return this.#stranger(`it redirects to ${where}`);
      if ([502, 503, 504].includes(status)) return this.#away(new Error(`it answered ${status}`));
      return this.#stranger(`${method} ${path} answered ${status} without JSON`);
    }
    const { code, message } = read;
    if (status === 401) {
      const remedy = this.key === null ? "give its signing key" : "give the right signing key";
      return new Refusal(status, code, `${this.url}: ${message}; ${remedy}: --key or INNGEST_SIGNING_KEY`);
    }
    if (status === 404 && isNoRoute(message))
      return new Refusal(
        status,
        "no_route",
        `The platform at ${this.url} is older than this command: it has no ${method} ${path.replaceAll(/\/[0-9A-Z]{26}\b/g, "/:id")}; update @dotdo/inngest there`,
      );
    return new Refusal(status, code, message);
  }

  #stranger(why: string): CommandError {
    return new CommandError(
      `${this.url} does not answer as a platform of @dotdo/inngest (${why}); say where yours is: --url or INNGEST_BASE_URL`,
    );
  }
}

/** The platform's words for a path that it does not serve, in v1 and v2. */
function isNoRoute(message: string): boolean {
  return message.startsWith("nothing is served at ");
}

/** Both forms in which the API words an error; null for what is none. */
function readRefusal(body: string): { code: string | null; message: string } | null {
  try {
    const read = JSON.parse(body) as {
      error?: unknown;
      code?: unknown;
      errors?: { code?: unknown; message?: unknown }[];
    };
    const [first] = read.errors ?? [];
    const message = read.error ?? first?.message;
    const code = read.code ?? first?.code;
    return typeof message === "string" ? { message, code: typeof code === "string" ? code : null } : null;
  } catch {
    return null;
  }
}

function reasonOf(cause: unknown): string {
  if (!(cause instanceof Error)) return String(cause);
  if (cause.name === "TimeoutError") return `no answer within ${ANSWERS_WITHIN_MS / 1000} s`;
  const { cause: deeper } = cause;
  if (deeper instanceof Error) return ("code" in deeper && String(deeper.code)) || deeper.message;
  return cause.message;
}

/** A path with its parts escaped: ids are of users. */
export function path(parts: TemplateStringsArray, ...values: string[]): string {
  return String.raw({ raw: parts }, ...values.map(encodeURIComponent));
}

function textOf(query: Query | undefined): string {
  const given = Object.entries(query ?? {}).flatMap(([name, value]) =>
    value === undefined || (Array.isArray(value) && value.length === 0) ? [] : [[name, String(value)]],
  );
  return given.length === 0 ? "" : `?${new URLSearchParams(given)}`;
}
