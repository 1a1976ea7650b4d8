import { NonRetriableError } from "../sdk/errors.ts";
import {
  BaseMiddleware,
  type Class,
  type TransformFunctionInputArgs,
  type TransformSendEventArgs,
} from "../sdk/middleware/base.ts";

export interface ValidationOptions {
  /** refuse events, sent or received, that the client's `schemas` do not describe. Default false */
  disallowSchemalessEvents?: boolean;
}

/**
 * For code that has it from version 3 of Inngest's SDK. The client itself applies its `schemas`, and those of event
 * types, to what is sent and received; this adds only that events without a schema may be refused.
 *
 * @example
 * const schemas = new EventSchemas().fromSchema({ "order/paid": z.object({ orderId: z.string() }) });
 * new Inngest({ id: "my-app", schemas, middleware: [validationMiddleware({ disallowSchemalessEvents: true })] });
 */
export function validationMiddleware({ disallowSchemalessEvents = false }: ValidationOptions = {}): Class {
  return class ValidationMiddleware extends BaseMiddleware {
    readonly id = "validation";

    override transformFunctionInput(args: TransformFunctionInputArgs): TransformFunctionInputArgs {
      // an invoked or scheduled run has no event of the user's
      for (const { name } of args.ctx.events) if (!name.startsWith("inngest/")) this.#check(name, "received");
      return args;
    }

    override transformSendEvent(args: TransformSendEventArgs): TransformSendEventArgs {
      for (const { name } of args.events) this.#check(name, "sent");
      return args;
    }

    #check(name: string, what: string): void {
      if (disallowSchemalessEvents && this.client.schemas?.dataSchema(name) === undefined)
        throw new NonRetriableError(
          `event ${JSON.stringify(name)} was ${what}, and the client's schemas do not describe it`,
        );
    }
  };
}
