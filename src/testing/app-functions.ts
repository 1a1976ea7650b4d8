import type { HttpTransport, LocalTransport } from "../durable-objects/transport.ts";
import type { AppSync } from "../durable-objects/objects.ts";
import { checkCrons } from "../engine/cron.ts";
import { checkExpressions } from "../engine/expression.ts";
import type { Run } from "../engine/run.ts";
import { exchange } from "../protocol/gateway-exchange.ts";
import { textHash } from "../protocol/ids.ts";
import { CALL_TIMEOUT_MS } from "../protocol/limits.ts";
import { executeTrusted } from "../serve/execution.ts";
import { servedApp, type ServedApp } from "../serve/app.ts";
import { wireAnswer } from "../serve/respond.ts";
import type { Inngest } from "../sdk/client.ts";
import type { InngestFunction, Registration } from "../sdk/function.ts";
import { hostFetch, type RunHost } from "../sdk/run-host.ts";
import { sdkName } from "../sdk/version.ts";
import { HttpFunctions } from "../transports/http.ts";
import { LocalFunctions } from "../transports/local.ts";
import type { PostRequest, PostResult } from "../transports/post.ts";

/** Any function that a client made, whatever its types. */
export type AnyFunction = InngestFunction<unknown, never> | InngestFunction<unknown, object>;

/**
 * How a test platform reaches the code of functions. `local`: in the run's object, as functions of a Worker. `http`: by the
 * messages of Inngest's protocol, so that every step is a call of its own and the handler is entered anew for each.
 */
export type TestTransport = "local" | "http";

const APP_URL = "http://app.test/api/inngest";

interface App {
  client: Inngest;
  local: LocalFunctions;
  served: ServedApp;
}

/** The functions under test, by the apps that they belong to. */
export class AppFunctions {
  readonly #apps: App[];
  readonly #transport: TestTransport;
  readonly #http: HttpFunctions;

  /**
   * @throws TypeError when a function is not one, or two share an id
   * @throws Error for a schedule that cannot be, or an expression that does not compile
   */
  constructor(
    functions: readonly AnyFunction[],
    client: Inngest | undefined,
    host: RunHost,
    options: { transport: TestTransport; now: () => number },
  ) {
    if (!Array.isArray(functions)) throw new TypeError("functions: not a list of functions");
    const list = functions as readonly InngestFunction[];
    const byClient = new Map<Inngest, InngestFunction[]>();
    for (const [index, fn] of list.entries()) {
      if (typeof fn?.registrations !== "function")
        throw new TypeError(
          `functions[${index}] is ${fn === undefined ? "undefined; do two modules import each other?" : "not made by createFunction"}`,
        );
      const owner = fn.owner as Inngest; // clients are what makes functions
      byClient.set(owner, [...(byClient.get(owner) ?? []), fn]);
    }
    if (client && !byClient.has(client)) byClient.set(client, []);
    this.#transport = options.transport;
    this.#apps = [...byClient].map(([owner, own]) => ({
      client: owner,
      local: new LocalFunctions(owner, own, {}, host),
      served: { ...servedApp({ client: owner, functions: own, framework: "test" }), host },
    }));
    for (const { id, crons, triggers, flow } of this.#apps.flatMap(({ local }) => local.registered())) {
      checkCrons(id, crons); // as createWorker does, and the sync of an app
      checkExpressions(id, triggers, flow);
    }
    this.#http = new HttpFunctions({
      post: (request) => this.#post(request),
      exchange: (request) =>
        exchange(request, { fetch: hostFetch(host), isAllowed: () => true, timeoutMs: CALL_TIMEOUT_MS }),
      signingKey: () => null,
      isDev: () => true,
      now: options.now,
    });
  }

  get clients(): Inngest[] {
    return this.#apps.map((app) => app.client);
  }

  /** What the registry is told, an app at a time. */
  syncs(): AppSync[] {
    return this.#apps.map(({ client, local }) => {
      const functions = local.registered().map((fn) => ({
        ...fn,
        transport:
          this.#transport === "local"
            ? fn.transport
            : { kind: "http" as const, url: `${APP_URL}?fnId=${encodeURIComponent(fn.id)}&stepId=step` },
      }));
      const checksum = textHash(JSON.stringify(functions));
      return { appId: client.id, url: null, sdk: sdkName, framework: "test", functions, checksum };
    });
  }

  registration(functionId: string): { registration: Registration; client: Inngest } | undefined {
    for (const { client, served } of this.#apps) {
      const registration = served.registrations.get(functionId);
      if (registration) return { registration, client };
    }
    return undefined;
  }

  local(): LocalTransport {
    const find = (run: Pick<Run, "functionId">) => this.#apps.find(({ local }) => local.has(run))?.local;
    return {
      has: (run) => find(run) !== undefined,
      activate: (run, events, attempt, journal) => {
        const functions = find(run);
        if (!functions) throw new Error(`function "${run.functionId}" is not under test`);
        return functions.activate(run, events, attempt, journal);
      },
    };
  }

  http(): HttpTransport {
    return this.#http;
  }

  /** What an app answers to a call. */
  async #post({ url, headers: sent, body }: PostRequest): Promise<PostResult> {
    const functionId = new URL(url).searchParams.get("fnId") ?? "";
    const app = this.#apps.find(({ served }) => served.registrations.has(functionId))?.served;
    if (!app) return { kind: "failed", code: "unreachable", message: `function "${functionId}" is not under test` };
    const request = new Request(url, { method: "POST", headers: sent, body });
    const answer = await wireAnswer(await executeTrusted(app, request, body, {}), request, app.framework);
    return { kind: "answered", ...answer, headers: Object.fromEntries(answer.headers) };
  }
}
