/** The examples of `examples/testing`: what they do wrong is found, from a seed that finds it again. They import the built package. */
import { simulate, SimulationError } from "@dotdo/inngest/test";
import { describe, expect, test } from "vitest";
import { checkout, checkoutThatChargesTwice } from "../../examples/testing/checkout.ts";
import { shipping, shippingThatRaces } from "../../examples/testing/shipping.ts";
import { checkoutSimulation, shippingSimulation } from "../../examples/testing/simulations.ts";

/** The first seed that fails, as an error. */
async function found(simulation: () => Promise<unknown>): Promise<SimulationError> {
  const error = await simulation().then(
    () => null,
    (thrown: unknown) => thrown,
  );
  if (!(error instanceof SimulationError)) throw error ?? new Error("nothing was found");
  return error;
}

describe("a step that is not idempotent", () => {
  test("is found, with the crash that shows it, in a workload of one event", async () => {
    const error = await found(() => simulate(checkoutSimulation(checkoutThatChargesTwice)));
    expect(error.invariant).toBe("no order is charged twice");
    expect(error.workload).toHaveLength(1);
    expect(error.faults).toHaveLength(1);
    expect(error.message).toContain(`seeds: [${error.seed}]`);

    const again = await found(() => simulate({ ...checkoutSimulation(checkoutThatChargesTwice), seeds: [error.seed] }));
    expect(again.message).toBe(error.message);
  });

  test("with a key is one, and nothing is found", async () => {
    await expect(simulate(checkoutSimulation(checkout))).resolves.toMatchObject({ simulations: 100 });
  });
});

describe("two waits of a run that race", () => {
  test("are found, without any fault, in the three events that it takes", async () => {
    const error = await found(() => simulate(shippingSimulation(shippingThatRaces)));
    expect(error.invariant).toBe("an order is shipped or refunded, never both");
    expect(error.workload.filter((action) => "send" in action)).toHaveLength(3);
    expect(error.faults).toEqual([]);

    const again = await found(() => simulate({ ...shippingSimulation(shippingThatRaces), seeds: [error.seed] }));
    expect(again.message).toBe(error.message);
  });

  test("that look and act in one step do not, and nothing is found", async () => {
    await expect(simulate(shippingSimulation(shipping))).resolves.toMatchObject({ simulations: 100 });
  });
});
