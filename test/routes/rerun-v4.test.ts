import { Inngest } from "inngest-v4";
import { serve } from "inngest-v4/edge";
import { fetchOfApp, rerunsOf, silent, work } from "../helpers/official-rerun.ts";

rerunsOf("4.24", () => {
  const client = new Inngest({ id: "app", isDev: true, logger: silent, fetch: fetchOfApp as never });
  return serve({ client, functions: [client.createFunction({ id: "work", triggers: [{ event: "work" }] }, work)] });
});
