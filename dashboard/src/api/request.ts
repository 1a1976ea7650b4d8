/** What the platform refused, in its own words. */
export class ApiError extends Error {
  readonly status: number;
  readonly code: string | null;

  constructor(status: number, code: string | null, message: string) {
    super(message);
    this.name = "ApiError";
    this.status = status;
    this.code = code;
  }
}

/** No answer at all: the platform is stopped, or the network is. */
export class PlatformAway extends Error {
  constructor(cause: unknown) {
    super("The platform does not answer", { cause });
    this.name = "PlatformAway";
  }
}

export interface Sent {
  method?: "GET" | "POST" | "DELETE";
  body?: unknown;
  signal?: AbortSignal;
}

/**
 * One request of the public API.
 *
 * @throws ApiError for a refusal, PlatformAway when nobody answers
 */
export async function request<T>(path: string, { method = "GET", body, signal }: Sent = {}): Promise<T> {
  const init: RequestInit = {
    method,
    ...(signal ? { signal } : {}),
    headers: body === undefined ? {} : { "content-type": "application/json" },
    ...(body === undefined ? {} : { body: typeof body === "string" ? body : JSON.stringify(body) }),
  };
  const answer = await fetch(path, init).catch((error: unknown) => {
    if (signal?.aborted) throw error;
    throw new PlatformAway(error);
  });
  const text = await answer.text();
  if (answer.ok) return (text === "" ? null : JSON.parse(text)) as T;
  // what stands before a platform that is stopped says so with these
  if ([502, 503, 504].includes(answer.status) && !text.startsWith("{")) throw new PlatformAway(text.slice(0, 200));
  throw refusal(answer.status, text);
}

/** Both forms in which the API words an error. */
interface ErrorBody {
  error?: string;
  code?: string;
  errors?: { code?: string; message?: string }[];
}

function refusal(status: number, text: string): ApiError {
  let body: ErrorBody = {};
  try {
    body = JSON.parse(text) as ErrorBody;
  } catch {
    // not of the API: its first words have to do
  }
  const [first] = body.errors ?? [];
  const message = body.error ?? first?.message ?? `the platform answered ${status} ${text.slice(0, 200)}`;
  return new ApiError(status, body.code ?? first?.code ?? null, message);
}

/** A path with its parts escaped: ids are of users. */
export function path(parts: TemplateStringsArray, ...values: string[]): string {
  return String.raw({ raw: parts }, ...values.map(encodeURIComponent));
}

/** A list is a value several times. */
export function query(values: Record<string, string | number | readonly string[] | undefined>): string {
  const given = Object.entries(values).flatMap(([name, value]) =>
    (typeof value === "object" ? value : [value]).flatMap((one) =>
      one === undefined || one === "" ? [] : [[name, String(one)]],
    ),
  );
  return given.length === 0 ? "" : `?${new URLSearchParams(given)}`;
}
