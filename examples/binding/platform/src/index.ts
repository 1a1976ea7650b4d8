/** The platform, beside apps in Workers of their own: it keeps their runs, and calls their code by service bindings. */
import { createWorker } from "@dotdo/inngest/worker";

// Named in wrangler.toml, so they have to be exports of the entry.
export {
  ChannelDO,
  ConcurrencyDO,
  ConnectDO,
  EventDO,
  HistoryDO,
  HttpCall,
  RegistryDO,
  StepDO,
} from "@dotdo/inngest/worker";

export default createWorker({ bindings: ["SHOP"] });
