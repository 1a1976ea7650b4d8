/** An app whose runs do everything that the dashboard shows. */
import { Inngest, NonRetriableError, RetryAfterError, type InngestFunction } from "../../src/sdk/index.ts";

interface Shop {
  client: Inngest;
  functions: InngestFunction[];
}

/** Customers who are being served, until somebody lets them go. */
export const tills: (() => void)[] = [];

/** Payments that were refused once. */
const refused = new Set<unknown>();

/** @param platformUrl where it reads what is too large for a call */
export function openShop(platformUrl: string): Shop {
  const client = new Inngest({ id: "shop", isDev: true, baseUrl: platformUrl, logger: quiet() });

  const ship = client.createFunction({ id: "ship", triggers: [] }, async ({ event, step }) => {
    return step.run("print-label", () => ({ tracking: `T-${event.data.orderId}` }));
  });

  const order = client.createFunction(
    { id: "process-order", triggers: [{ event: "shop/order.placed" }] },
    async ({ event, step }) => {
      await step.run("charge", () => ({ charged: event.data.amount }));
      await Promise.all([step.run("mail", () => "mailed"), step.run("invoice", () => "invoiced")]);
      const shipped = await step.invoke("ship-it", { function: ship, data: { orderId: event.data.orderId } });
      return { orderId: event.data.orderId, shipped };
    },
  );

  const priced = client.createFunction(
    { id: "priced", triggers: [{ event: "shop/priced" }] },
    async ({ event, step }) => {
      const rate = await step.run("rate", () => 10);
      return step.run("charge", ({ amount }: { amount: number }) => ({ charged: rate * amount }), {
        amount: event.data.amount,
      });
    },
  );

  const flaky = client.createFunction(
    { id: "pay", triggers: [{ event: "shop/payment.due" }] },
    async ({ event, step }) => {
      return step.run("ask-bank", () => {
        if (refused.has(event.data.paymentId)) return "paid";
        refused.add(event.data.paymentId);
        throw new RetryAfterError("the bank is closed", "1s", { cause: new Error("opens at nine") });
      });
    },
  );

  const broken = client.createFunction({ id: "broken", triggers: [{ event: "shop/broken" }] }, async ({ step }) => {
    await step.run("fall", () => {
      throw new NonRetriableError("the shelf fell down", { cause: new Error("a screw was missing") });
    });
  });

  const nap = client.createFunction({ id: "nap", triggers: [{ event: "shop/nap" }] }, async ({ step }) => {
    await step.sleep("long-nap", "30d");
    return "awake";
  });

  const approval = client.createFunction(
    { id: "approval", triggers: [{ event: "shop/approval.asked" }] },
    async ({ step }) => {
      const answer = await step.waitForEvent("boss", {
        event: "shop/approved",
        if: "event.data.id == async.data.id",
        timeout: "7d",
      });
      return answer?.data ?? null;
    },
  );

  const counter = client.createFunction(
    { id: "counter", triggers: [{ event: "shop/at.counter" }], concurrency: { limit: 1, key: "event.data.till" } },
    async ({ step }) => {
      await step.run("serve", async () => {
        await new Promise<void>((resolve) => tills.push(resolve));
        return "served";
      });
    },
  );

  const echo = client.createFunction({ id: "echo", triggers: [{ event: "shop/echo" }] }, async ({ event, step }) => {
    return step.run("say", () => event.data);
  });

  const hoard = client.createFunction({ id: "hoard", triggers: [{ event: "shop/hoard" }] }, async ({ step }) => {
    for (const box of "abcdef") await step.run(`box-${box}`, () => box.repeat(3 * 1024 * 1024));
  });

  const tooMuch = client.createFunction({ id: "too-much", triggers: [{ event: "shop/too.much" }] }, async () => {
    throw new NonRetriableError("far too much ".repeat(50_000));
  });

  const dear = client.createFunction(
    { id: "dear", triggers: [{ event: "shop/dear.order", if: "event.data.amount > 100" }] },
    async () => "done",
  );

  const chatter = client.createFunction(
    {
      id: "chatter",
      retries: { attempts: 2, backoff: "fixed", initialDelay: "1s" },
      triggers: [{ event: "shop/chatter" }],
    },
    async ({ event, step, logger }) => {
      const { lines = [], tries = 0 } = event.data as { lines?: string[]; tries?: number };
      logger.info("the shop is open");
      await step.run("talk", () => {
        for (const line of lines) logger.warn(line);
        const said = (refused.has(event.id) ? 1 : 0) < tries;
        refused.add(event.id);
        if (said) throw new Error("not understood");
      });
      logger.debug("the shop is closed", { said: lines.length });
    },
  );

  const ticker = client.createFunction({ id: "ticker", triggers: [{ cron: "0 0 1 1 *" }] }, async () => "tick");

  return {
    client,
    functions: [
      ship,
      order,
      priced,
      flaky,
      broken,
      nap,
      approval,
      counter,
      echo,
      hoard,
      tooMuch,
      dear,
      chatter,
      ticker,
    ],
  };
}

function quiet() {
  const silent = () => undefined;
  return { info: silent, warn: silent, error: silent, debug: silent };
}
