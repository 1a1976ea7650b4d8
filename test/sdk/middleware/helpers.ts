/** Functions with middleware, run over both transports as a platform would run them. */
import { callBodySchema, type Memo } from "../../../src/protocol/call.ts";
import { stepHash } from "../../../src/protocol/ids.ts";
import { Inngest, Middleware, type ClientOptions } from "../../../src/sdk/index.ts";
import type { InngestFunction } from "../../../src/sdk/index.ts";
import { executeCall, type CallReply } from "../../../src/sdk/reply.ts";
import { EVENT, RUN_ID } from "../../helpers/run-builder.ts";

export const silent = { debug() {}, info() {}, warn() {}, error() {} };

export interface CallChanges {
  /** settled steps by user id, in their order */
  journal?: Record<string, Memo>;
  stepId?: string;
  attempt?: number;
  maxAttempts?: number;
  event?: object;
}

/** One call of a function over HTTP. */
export function call(client: Inngest, fn: InngestFunction, changes: CallChanges = {}): Promise<CallReply> {
  const [registration] = fn.registrations(client.id);
  if (!registration) throw new Error("no registration");
  const { journal = {}, stepId = "step", attempt = 0, maxAttempts = 3, event = EVENT } = changes;
  const steps = Object.fromEntries(Object.entries(journal).map(([id, memo]) => [stepHash(id, 0), memo]));
  const body = callBodySchema.parse({
    ctx: {
      run_id: RUN_ID,
      attempt,
      max_attempts: maxAttempts,
      stack: { stack: Object.keys(steps), current: Object.keys(steps).length },
    },
    event,
    events: [event],
    steps,
  });
  return executeCall({ registration, client, body, stepId, race: false });
}

/** A client of these middlewares and options. */
export function clientWith(middleware: ClientOptions["middleware"], options: Partial<ClientOptions> = {}): Inngest {
  return new Inngest({ id: "shop", isDev: true, logger: silent, ...options, middleware });
}

/** A middleware that writes down each of its hooks. */
export function recorder(id: string, log: string[]): Middleware.Class {
  const say = (hook: string) => log.push(`${id} ${hook}`);
  const around =
    (hook: string) =>
    async ({ next, stepInfo }: { next: () => Promise<unknown>; stepInfo?: Middleware.StepInfo }) => {
      const what = stepInfo ? `${hook}(${stepInfo.options.id}${stepInfo.memoized ? ", memoized" : ""})` : hook;
      say(`> ${what}`);
      try {
        return await next();
      } finally {
        say(`< ${what}`);
      }
    };
  return class extends Middleware.BaseMiddleware {
    readonly id = id;
    override transformFunctionInput(args: Middleware.TransformFunctionInputArgs) {
      say(`transformFunctionInput(${Object.keys(args.steps).length})`);
      return args;
    }
    override wrapFunctionHandler = around("wrapFunctionHandler");
    override transformStepInput(args: Middleware.TransformStepInputArgs) {
      say(`transformStepInput(${args.stepOptions.id})`);
      return args;
    }
    override wrapStep = around("wrapStep");
    override wrapStepHandler = around("wrapStepHandler");
    override transformSendEvent(args: Middleware.TransformSendEventArgs) {
      say(`transformSendEvent(${args.fn?.id() ?? "client"})`);
      return args;
    }
    override async wrapSendEvent({ next }: Middleware.WrapSendEventArgs) {
      say("> wrapSendEvent");
      const result = await next();
      say("< wrapSendEvent");
      return result;
    }
    override onMemoizationEnd() {
      say("onMemoizationEnd");
    }
    override onRunStart() {
      say("onRunStart");
    }
    override onRunComplete({ output }: Middleware.OnRunCompleteArgs) {
      say(`onRunComplete(${JSON.stringify(output)})`);
    }
    override onRunError({ error, isFinalAttempt }: Middleware.OnRunErrorArgs) {
      say(`onRunError(${error.message}, ${isFinalAttempt})`);
    }
    override onStepStart({ stepInfo }: Middleware.OnStepStartArgs) {
      say(`onStepStart(${stepInfo.options.id})`);
    }
    override onStepComplete({ stepInfo, output }: Middleware.OnStepCompleteArgs) {
      say(`onStepComplete(${stepInfo.options.id}, ${JSON.stringify(output)})`);
    }
    override onStepError({ stepInfo, error, isFinalAttempt }: Middleware.OnStepErrorArgs) {
      say(`onStepError(${stepInfo.options.id}, ${error.message}, ${isFinalAttempt})`);
    }
  } as Middleware.Class;
}
