import type { Run } from "../engine/run.ts";
import type { LocalTransport } from "../durable-objects/transport.ts";
import type { EventRecord } from "../protocol/event.ts";
import type { RegisteredFunction } from "../protocol/function-config.ts";
import type { Journal, LocalActivation } from "../protocol/journal.ts";
import { Activation } from "../sdk/activation.ts";
import type { Inngest } from "../sdk/client.ts";
import type { ReceivedEvent } from "../sdk/event.ts";
import type { InngestFunction, Registration } from "../sdk/function.ts";
import type { RequestPlatform } from "../sdk/platform.ts";
import { registrationsOf } from "../sdk/registrations.ts";
import type { RunHost } from "../sdk/run-host.ts";

/** Functions of this very Worker: their code runs inside the run's object, a step costs one commit (design §4). */
export class LocalFunctions implements LocalTransport {
  readonly #client: Inngest | undefined;
  readonly #registrations: ReadonlyMap<string, Registration>;
  readonly #platform: RequestPlatform;
  readonly #host: RunHost | undefined;

  /** @param platform what handlers find as `env` and `waitUntil` */
  constructor(
    client: Inngest | undefined,
    functions: readonly InngestFunction[],
    platform: RequestPlatform = {},
    host?: RunHost,
  ) {
    this.#client = client;
    this.#platform = platform;
    this.#host = host;
    this.#registrations = client ? registrationsOf(client, functions, "createWorker") : new Map();
  }

  has(run: Pick<Run, "functionId">): boolean {
    return this.#registrations.has(run.functionId);
  }

  /** What the registry is told of them. */
  registered(): RegisteredFunction[] {
    const client = this.#client;
    if (!client) return [];
    return [...this.#registrations.values()].map(({ id, name, triggers, crons, retry, flow }) => ({
      id,
      name,
      appId: client.id,
      version: 0,
      triggers,
      crons,
      retry,
      transport: { kind: "local" },
      ...(flow && { flow }),
    }));
  }

  activate(run: Run, events: EventRecord[], attempt: number, journal: Journal): LocalActivation {
    const registration = this.#registrations.get(run.functionId);
    const client = this.#client;
    if (!registration || !client) throw new Error(`function "${run.functionId}" is not part of this Worker`);
    const [platform, host] = [this.#platform, this.#host];
    return new Activation({
      registration,
      client,
      run: {
        id: run.id,
        events: events.map((record) => record.event as ReceivedEvent), // as accepted, plain JSON
        attempt,
        hasSteps: run.steps > 0,
        maxAttempts: run.retry.maxAttempts,
      },
      journal,
      platform,
      host,
      logs: true,
    });
  }
}
