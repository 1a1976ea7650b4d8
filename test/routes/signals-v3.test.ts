import { Inngest } from "inngest-v3";
import { serve } from "inngest-v3/edge";
import { fetchOfApp, signalsOf, silent, tell, wait } from "../helpers/official-signals.ts";

signalsOf("3.54", () => {
  const client = new Inngest({ id: "app", isDev: true, logger: silent as never, fetch: fetchOfApp as never });
  const functions = [
    client.createFunction({ id: "wait" }, { event: "wait" }, wait),
    client.createFunction({ id: "tell" }, { event: "tell" }, tell),
  ];
  return { client, serve: serve({ client, functions }) };
});
