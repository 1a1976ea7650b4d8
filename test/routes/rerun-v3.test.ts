import { Inngest } from "inngest-v3";
import { serve } from "inngest-v3/edge";
import { fetchOfApp, rerunsOf, silent, work } from "../helpers/official-rerun.ts";

rerunsOf("3.54", () => {
  const client = new Inngest({ id: "app", isDev: true, logger: silent as never, fetch: fetchOfApp as never });
  return serve({ client, functions: [client.createFunction({ id: "work" }, { event: "work" }, work)] });
});
