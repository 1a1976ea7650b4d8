/** The platform with the measured functions embedded. Their marks are read at `/bench/marks`. */
import { Inngest } from "../src/sdk/index.ts";
import { createWorker } from "../src/worker.ts";
import { benchFunctions, type Mark } from "./functions.ts";

export { ConcurrencyDO, EventDO, HistoryDO, HttpCall, RegistryDO, StepDO } from "../src/worker.ts";

// objects and requests of one process share the isolate, hence this variable
let marks: Mark[] = [];

const client = new Inngest({ id: "local", isDev: true });

export default createWorker({
  client,
  functions: benchFunctions(client, (mark) => marks.push(mark)),
  app: {
    /** Marks since the last request. */
    fetch(request) {
      if (new URL(request.url).pathname !== "/bench/marks") return new Response("not found", { status: 404 });
      const taken = marks;
      marks = [];
      return Response.json(taken);
    },
  },
});
