import { Inngest } from "inngest-v4";
import { serve } from "inngest-v4/edge";
import { fetchOfApp, signalsOf, silent, tell, wait } from "../helpers/official-signals.ts";

signalsOf("4.24", () => {
  const client = new Inngest({ id: "app", isDev: true, logger: silent, fetch: fetchOfApp as never });
  const functions = [
    client.createFunction({ id: "wait", triggers: [{ event: "wait" }] }, wait),
    client.createFunction({ id: "tell", triggers: [{ event: "tell" }] }, tell),
  ];
  return { client, serve: serve({ client, functions }) };
});
