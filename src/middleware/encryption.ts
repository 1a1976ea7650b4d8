/**
 * End-to-end encryption: what steps and functions return, and one field of events' data, leave the app encrypted and are
 * readable only where the key is.
 */
import { EncryptionKeys, isEncrypted, type Encrypted } from "./encryption-keys.ts";
import type { Context } from "../sdk/context.ts";
import type { ReceivedEvent } from "../sdk/event.ts";
import {
  BaseMiddleware,
  type Class,
  type TransformFunctionInputArgs,
  type TransformSendEventArgs,
  type TransformStepInputArgs,
  type WrapFunctionHandlerArgs,
  type WrapStepArgs,
  type WrapStepHandlerArgs,
} from "../sdk/middleware/base.ts";

export { DecryptionError, type Encrypted } from "./encryption-keys.ts";

export interface EncryptionOptions {
  /** a secret of high entropy, such as 32 random bytes in base64; not a password */
  key: string;
  /** keys of before: they decrypt, and nothing is encrypted with them */
  fallbackDecryptionKeys?: readonly string[];
  /** encrypts nothing, but reads what others encrypted: the first step of a rollout, and the last of its end */
  decryptOnly?: boolean;
  /** property of an event's `data` that is encrypted when events are sent. Default `encrypted` */
  eventEncryptionField?: string;
}

/**
 * Encrypts, with AES-256-GCM and a key derived from yours, results of steps and functions and the field `encrypted` of
 * the data of events, sent or invoked with. Ids, names, other data, errors, and inputs handed to `step.run` beside its
 * function stay readable: they are what the platform routes by and shows.
 *
 * To change the key: deploy with the new one as `key` and the old one in `fallbackDecryptionKeys`; drop the old one once
 * no run of its time is left.
 *
 * @throws TypeError when a key is missing
 * @example
 * const inngest = new Inngest({ id: "my-app", middleware: [encryptionMiddleware({ key: env.ENCRYPTION_KEY })] });
 * await inngest.send({ name: "user/created", data: { id: "u1", encrypted: { email: "a@example.com" } } });
 */
export function encryptionMiddleware(options: EncryptionOptions): Class {
  const { decryptOnly = false, eventEncryptionField: field = "encrypted" } = options;
  const keys = new EncryptionKeys([options.key, ...(options.fallbackDecryptionKeys ?? [])]);

  const encrypt = async (value: unknown): Promise<unknown> =>
    decryptOnly || isEncrypted(value) ? value : keys.encrypt(value);

  const decrypt = async (value: unknown): Promise<unknown> => (isEncrypted(value) ? keys.decrypt(value) : value);

  async function inField(data: unknown, change: (value: unknown) => Promise<unknown>): Promise<unknown> {
    if (typeof data !== "object" || data === null || !(field in data)) return data;
    return { ...data, [field]: await change(Reflect.get(data, field)) };
  }

  /** An event, with the events that it is about when the platform sent it. */
  async function readable<T>(event: T): Promise<T> {
    if (typeof event !== "object" || event === null || !("data" in event)) return event;
    const data = (await inField(event.data, decrypt)) as ReceivedEvent["data"] | null; // as it was, but for the field
    const name: unknown = Reflect.get(event, "name");
    if (!data || typeof name !== "string" || !name.startsWith("inngest/function.")) return { ...event, data };
    const inner: Record<string, unknown> = {};
    if ("event" in data) inner.event = await readable(data.event);
    if (Array.isArray(data.events)) inner.events = await Promise.all(data.events.map(readable));
    if ("result" in data) inner.result = await decrypt(data.result);
    return { ...event, data: { ...data, ...inner } };
  }

  return class EncryptionMiddleware extends BaseMiddleware {
    readonly id = "encryption";

    override async transformFunctionInput(args: TransformFunctionInputArgs): Promise<TransformFunctionInputArgs> {
      const [first, ...others]: ReceivedEvent[] = await Promise.all(args.ctx.events.map(readable));
      if (!first) return args;
      const ctx: Context = { ...args.ctx, event: first, events: [first, ...others] };
      return { ...args, ctx };
    }

    override async wrapFunctionHandler({ next }: WrapFunctionHandlerArgs): Promise<unknown> {
      return encrypt(await next());
    }

    override async wrapStepHandler({ next, stepInfo }: WrapStepHandlerArgs): Promise<unknown> {
      const result = await next();
      return stepInfo.stepType === "sendEvent" ? result : encrypt(result); // ids are no secret, and they help to find runs
    }

    override async wrapStep({ next, stepInfo }: WrapStepArgs): Promise<unknown> {
      const result = await next();
      return stepInfo.stepType === "waitForEvent" ? readable(result) : decrypt(result);
    }

    override async transformStepInput(args: TransformStepInputArgs): Promise<TransformStepInputArgs> {
      const [options] = args.input;
      if (args.stepInfo.stepType !== "invoke" || args.stepInfo.memoized) return args;
      if (typeof options !== "object" || options === null || !("payload" in options)) return args;
      const payload = options.payload as { data?: unknown }; // of step.invoke
      const data = await inField(payload.data, encrypt);
      return { ...args, input: [{ ...options, payload: { ...payload, data } }] };
    }

    override async transformSendEvent(args: TransformSendEventArgs): Promise<TransformSendEventArgs> {
      const events = args.events.map(async (event) => ({
        ...event,
        data: (await inField(event.data, encrypt)) as typeof event.data,
      }));
      return { ...args, events: await Promise.all(events) };
    }
  };
}

/** Whether a value was encrypted by this middleware, for code that reads results elsewhere. */
export function isEncryptedValue(value: unknown): value is Encrypted {
  return isEncrypted(value);
}
