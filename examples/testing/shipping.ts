import { Inngest } from "@dotdo/inngest";

/** Where parcels go out and money goes back. */
export class Warehouse {
  readonly shipped = new Set<string>();
  readonly refunded = new Set<string>();

  /** Ships unless the money went back; false when it did. */
  ship(orderId: string): boolean {
    if (this.refunded.has(orderId)) return false;
    this.shipped.add(orderId);
    return true;
  }

  /** Gives the money back unless the parcel is gone; false when it is. */
  refund(orderId: string): boolean {
    if (this.shipped.has(orderId)) return false;
    this.refunded.add(orderId);
    return true;
  }
}

/** Ships an order when it is packed; refunds it when it is cancelled before that. */
export function shipping(warehouse: Warehouse) {
  const inngest = new Inngest({ id: "shipping" });
  return inngest.createFunction({ id: "ship" }, { event: "order/placed" }, async ({ event, step }) => {
    const { orderId } = event.data;
    const wait = (name: string) =>
      step.waitForEvent(name, { event: `order/${name}`, match: "data.orderId", timeout: "7d" });

    const shipped = wait("packed").then((packed) => packed && step.run("ship", () => warehouse.ship(orderId)));
    const refunded = wait("cancelled").then((asked) => asked && step.run("refund", () => warehouse.refund(orderId)));
    return { shipped: await shipped, refunded: await refunded };
  });
}

/** The same with a mistake: between looking and acting the other branch may act. */
export function shippingThatRaces(warehouse: Warehouse) {
  const inngest = new Inngest({ id: "shipping" });
  return inngest.createFunction({ id: "ship" }, { event: "order/placed" }, async ({ event, step }) => {
    const { orderId } = event.data;
    const wait = (name: string) =>
      step.waitForEvent(name, { event: `order/${name}`, match: "data.orderId", timeout: "7d" });

    const shipped = wait("packed").then(async (packed) => {
      const isRefunded = await step.run("is-refunded", () => warehouse.refunded.has(orderId));
      return packed && !isRefunded && step.run("ship", () => void warehouse.shipped.add(orderId));
    });
    const refunded = wait("cancelled").then(async (asked) => {
      const isShipped = await step.run("is-shipped", () => warehouse.shipped.has(orderId));
      return asked && !isShipped && step.run("refund", () => void warehouse.refunded.add(orderId));
    });
    await Promise.all([shipped, refunded]);
  });
}
