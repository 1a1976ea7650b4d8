import { Inngest } from "@dotdo/inngest";
import type { Payments } from "./payments.ts";

/** Charges an order, waits a day for its return, and closes it. */
export function checkout(payments: Payments) {
  const inngest = new Inngest({ id: "checkout" });
  return inngest.createFunction({ id: "checkout" }, { event: "order/placed" }, async ({ event, step }) => {
    const { orderId, cents } = event.data;
    await step.run("charge", () => payments.charge(orderId, cents, `order-${orderId}`));
    const returned = await step.waitForEvent("return", {
      event: "order/returned",
      match: "data.orderId",
      timeout: "1d",
    });
    return { orderId, state: returned ? "returned" : "closed" };
  });
}

/** The same with a mistake: a crash after the charge and before its result is stored charges again. */
export function checkoutThatChargesTwice(payments: Payments) {
  const inngest = new Inngest({ id: "checkout" });
  return inngest.createFunction({ id: "checkout" }, { event: "order/placed" }, async ({ event, step }) => {
    const { orderId, cents } = event.data;
    await step.run("charge", () => payments.charge(orderId, cents)); // no key: not idempotent
    const returned = await step.waitForEvent("return", {
      event: "order/returned",
      match: "data.orderId",
      timeout: "1d",
    });
    return { orderId, state: returned ? "returned" : "closed" };
  });
}
