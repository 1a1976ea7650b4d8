/** Simulations of the examples, as a test or CI would run them. */
import type { SimulateOptions } from "@dotdo/inngest/test";
import { checkout, checkoutThatChargesTwice } from "./checkout.ts";
import { Payments } from "./payments.ts";
import { shipping, shippingThatRaces, Warehouse } from "./shipping.ts";

/** No order is charged twice, whatever goes wrong on the way. */
export function checkoutSimulation(make: typeof checkout | typeof checkoutThatChargesTwice = checkout) {
  return {
    world: () => new Payments(),
    functions: (payments) => [make(payments)],
    workload: [
      { send: { name: "order/placed", data: { orderId: "o1", cents: 4_200 } } },
      { send: { name: "order/placed", data: { orderId: "o2", cents: 100 } } },
      { advance: "2h" },
      { send: { name: "order/returned", data: { orderId: "o1" } } },
    ],
    invariants: {
      "no order is charged twice": ({ world }) => {
        for (const [orderId, cents] of [
          ["o1", 4_200],
          ["o2", 100],
        ] as const)
          if (world.total(orderId) > cents)
            throw new Error(`${orderId} was charged ${world.total(orderId)} instead of ${cents}`);
      },
    },
  } satisfies SimulateOptions<Payments>;
}

/** An order is shipped or refunded, never both. */
export function shippingSimulation(make: typeof shipping | typeof shippingThatRaces = shipping) {
  return {
    world: () => new Warehouse(),
    functions: (warehouse) => [make(warehouse)],
    workload: [
      { send: { name: "order/placed", data: { orderId: "o1" } } },
      { advance: "1h" },
      { send: { name: "order/cancelled", data: { orderId: "o1" } } },
      { send: { name: "order/packed", data: { orderId: "o1" } } },
    ],
    invariants: {
      "an order is shipped or refunded, never both": ({ world }) => {
        for (const orderId of world.shipped)
          if (world.refunded.has(orderId)) throw new Error(`${orderId} was shipped and refunded`);
      },
    },
  } satisfies SimulateOptions<Warehouse>;
}
