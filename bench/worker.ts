/** The platform with the measured functions embedded. Their marks are read at `/bench/marks`. */
import { objects } from "../src/durable-objects/workerd-host.ts";
import { MAIN_ENV } from "../src/environment.ts";
import { Inngest } from "../src/sdk/index.ts";
import { createWorker } from "../src/worker.ts";
import { admitAndRelease } from "./admissions.ts";
import { benchFunctions, type Mark } from "./functions.ts";

export {
  ChannelDO,
  ConcurrencyDO,
  ConnectDO,
  EventDO,
  HistoryDO,
  HttpCall,
  RegistryDO,
  StepDO,
} from "../src/worker.ts";

// objects and requests of one process share the isolate, hence this variable
let marks: Mark[] = [];

const client = new Inngest({ id: "local", isDev: true });

export default createWorker({
  client,
  functions: benchFunctions(client, (mark) => marks.push(mark)),
  app: {
    /** Marks since the last request. */
    async fetch(request) {
      const [, , what, leases, keys] = new URL(request.url).pathname.split("/");
      if (what === "admissions") {
        await admitAndRelease(objects, MAIN_ENV, Number(leases), Number(keys));
        return Response.json({});
      }
      if (what !== "marks") return new Response("not found", { status: 404 });
      const taken = marks;
      marks = [];
      return Response.json(taken);
    },
  },
});
