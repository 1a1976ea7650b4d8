/** The platform alone, beside the apps that it calls over HTTP: what `npm run dev` and `wrangler deploy` run. */
import { createWorker } from "./worker.ts";

export { ChannelDO, ConcurrencyDO, ConnectDO, EventDO, HistoryDO, HttpCall, RegistryDO, StepDO } from "./worker.ts";

export default createWorker();
