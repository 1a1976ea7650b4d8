/** Middleware written for the official packages, given to our client as it is. */
import { dependencyInjectionMiddleware as injectV3 } from "inngest-v3";
import { dependencyInjectionMiddleware as injectV4, Middleware as Official } from "inngest-v4";
import { expect, test } from "vitest";
import type { MiddlewareOption } from "../../../src/sdk/index.ts";
import { EVENT } from "../../helpers/run-builder.ts";
import { call, clientWith } from "./helpers.ts";

const log: string[] = [];

class FromV4 extends Official.BaseMiddleware {
  readonly id = "from-v4";

  override transformFunctionInput(arg: Official.TransformFunctionInputArgs) {
    log.push(`${this.client.id} ${arg.fn.id(this.client.id)} ${arg.ctx.runId.length}`);
    return { ...arg, ctx: { ...arg.ctx, tenant: "acme" } };
  }

  override transformStepInput(arg: Official.TransformStepInputArgs) {
    return arg.stepInfo.stepType === "run" ? { ...arg, input: [...arg.input, "more"] } : arg;
  }

  override async wrapStepHandler({ next, stepInfo, ctx }: Official.WrapStepHandlerArgs) {
    return { [stepInfo.options.id]: await next(), attempt: ctx.attempt };
  }

  override async wrapStep({ next, stepInfo }: Official.WrapStepArgs) {
    const result = (await next()) as Record<string, unknown>;
    return stepInfo.memoized ? result[stepInfo.options.id] : result;
  }

  override onRunComplete({ output }: Official.OnRunCompleteArgs) {
    log.push(JSON.stringify(output));
  }
}

test("classes of version 4 and objects of version 3 do what they do there", async () => {
  const middleware = [FromV4, injectV4({ four: 4 }), injectV3({ three: 3 })] as unknown as MiddlewareOption[];
  const client = clientWith(middleware);
  const fn = client.createFunction({ id: "f" }, { event: EVENT.name }, async (context) => {
    const a = await context.step.run("a", (...given: string[]) => given.join(" "), "given");
    return [a, ...["tenant", "four", "three"].map((key): unknown => Reflect.get(context, key))];
  });
  const reply = await call(client, fn);
  expect(reply).toMatchObject({ ops: [{ data: { a: "given more", attempt: 0 } }] });
  const data = reply.status === 206 ? (reply.ops[0]?.data ?? null) : null;
  const output = ["given more", "acme", 4, 3];
  expect(await call(client, fn, { journal: { a: { data } } })).toMatchObject({ status: 200, data: output });
  expect(log).toEqual(["shop shop-f 26", "shop shop-f 26", JSON.stringify(output)]);
});
