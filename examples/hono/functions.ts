import { Inngest } from "@dotdo/inngest";

export const inngest = new Inngest({ id: "shop", isDev: true });

interface Order {
  orderId: string;
  amount: number;
}

/** From the order to the parcel: each step runs once, whatever happens to this process or to the platform in between. */
export const processOrder = inngest.createFunction(
  { id: "process-order" },
  { event: "order/created" },
  async ({ event, step }) => {
    const order = await step.run("validate", (): Order => {
      const { orderId, amount } = event.data;
      if (typeof orderId !== "string" || !(amount > 0))
        throw new Error("An order needs an orderId and an amount above 0");
      return { orderId, amount };
    });

    const charge = await step.run("charge", () => ({ chargeId: `ch_${order.orderId}`, amount: order.amount }));

    await step.sleep("let-it-settle", "2s");

    const approval = await step.waitForEvent("approval", {
      event: "order/approved",
      match: "data.orderId",
      timeout: "5m",
    });
    if (approval === null) return { orderId: order.orderId, status: "expired" };

    const parcel = await step.run("ship", () => ({ trackingId: `tr_${order.orderId}` }));
    return { orderId: order.orderId, status: "shipped", ...charge, ...parcel, approvedBy: approval.data.by };
  },
);

export const hello = inngest.createFunction({ id: "hello" }, { event: "demo/hello" }, async ({ event, step }) => {
  const greeting = await step.run("greet", () => `Hello, ${event.data.name ?? "world"}!`);
  return { greeting };
});
