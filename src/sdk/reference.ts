import type { StandardSchemaV1 } from "./schema.ts";
import type { UntypedData } from "./event.ts";
import type { InvokeTarget } from "./step/tools.ts";

interface ReferenceOptions {
  /** id of the function within its app */
  functionId: string;
  /** app that holds it. Default: the app of the function that invokes it */
  appId?: string;
  /** types of the data that it takes and of what it returns */
  schemas?: { data?: StandardSchemaV1; return?: StandardSchemaV1 };
}

/** A function by name, for `step.invoke` of what another app or file holds. Made by {@link referenceFunction}. */
export class InngestFunctionReference<TOutput = unknown, TData extends object = UntypedData> implements InvokeTarget<
  TOutput,
  TData
> {
  declare readonly "~types": { output: TOutput; data: TData };
  readonly functionId: string;
  readonly appId: string | undefined;

  constructor({ functionId, appId }: ReferenceOptions) {
    if (typeof functionId !== "string" || functionId === "")
      throw new TypeError(`referenceFunction: functionId: ${JSON.stringify(functionId)} is not a function id`);
    this.functionId = functionId;
    this.appId = appId;
  }

  /** As it was asked for. */
  get opts(): { functionId: string; appId: string | undefined } {
    return { functionId: this.functionId, appId: this.appId };
  }

  id(appId: string | undefined = this.appId): string {
    return appId === undefined ? this.functionId : `${appId}-${this.functionId}`;
  }
}

type ReturnOf<TOptions> = TOptions extends { schemas: { return: infer TSchema extends StandardSchemaV1 } }
  ? StandardSchemaV1.InferOutput<TSchema>
  : unknown;
type DataOf<TOptions> = TOptions extends { schemas: { data: infer TSchema extends StandardSchemaV1 } }
  ? StandardSchemaV1.InferInput<TSchema> & object
  : UntypedData;

type TypesOf<TFunction> =
  TFunction extends InvokeTarget<infer TOutput, infer TData> ? { output: TOutput; data: TData } : never;

/**
 * Refers to a function without importing it, in this app or in another one of the environment.
 *
 * @example
 * const bill = referenceFunction<typeof import("./billing").bill>({ functionId: "bill", appId: "billing" });
 * await step.invoke("bill", { function: bill, data: { orderId } });
 */
export function referenceFunction<TFunction extends InvokeTarget<unknown, object>>(
  options: Omit<ReferenceOptions, "schemas">,
): InngestFunctionReference<TypesOf<TFunction>["output"], TypesOf<TFunction>["data"]>;
/** As above, with the types taken from schemas. */
export function referenceFunction<const TOptions extends ReferenceOptions>(
  options: TOptions,
): InngestFunctionReference<ReturnOf<TOptions>, DataOf<TOptions>>;
export function referenceFunction(options: ReferenceOptions): InngestFunctionReference {
  return new InngestFunctionReference(options);
}

/** Types under their names in Inngest's SDK. */
export declare namespace InngestFunctionReference {
  /** A reference, whatever the function takes and returns. */
  type Any = InngestFunctionReference<unknown, object>;
  /** What all references have, of any copy of the package. */
  type Like = Pick<InngestFunctionReference, "functionId" | "appId">;
  /** What {@link referenceFunction} takes. */
  type HelperArgs<TFnInput, TFnOutput> = Omit<ReferenceOptions, "schemas"> & {
    schemas?: { data?: TFnInput; return?: TFnOutput };
  };
  type HelperGenericArgs<TFnInput, TFnOutput> = HelperArgs<TFnInput, TFnOutput> | InvokeTarget<unknown, object>;
  /** What it returns. */
  type HelperReturn<TArgs> =
    TArgs extends InvokeTarget<infer TOutput, infer TData>
      ? InngestFunctionReference<TOutput, TData>
      : InngestFunctionReference<ReturnOf<TArgs>, DataOf<TArgs>>;
}
