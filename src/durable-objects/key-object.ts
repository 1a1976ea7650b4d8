import { BulkObject } from "./bulk-object.ts";
import { CollectorObject } from "./collector-object.ts";
import type { Host } from "./host.ts";
import { LeaseObject } from "./lease-object.ts";
import { LinesObject } from "./lines-object.ts";
import type {
  BulkObjectApi,
  CollectorObjectApi,
  LeaseObjectApi,
  LinesObjectApi,
  RateLimitObjectApi,
} from "./objects.ts";
import { RateLimitObject } from "./rate-limit-object.ts";

/** A flow-control key, whatever its rule, or a bulk operation: it answers to the methods of its own. */
export type KeyObject = (LeaseObject | RateLimitObject | CollectorObject | LinesObject | BulkObject) & {
  alarm(): Promise<void>;
};

export type KeyObjectApi = LeaseObjectApi &
  RateLimitObjectApi &
  CollectorObjectApi &
  LinesObjectApi &
  BulkObjectApi;

/** The object of a name that `flow-control/admit.ts` has given: its first part is the rule. */
export function keyObject(host: Host): KeyObject {
  const rule = host.name.slice(0, host.name.indexOf("/"));
  switch (rule) {
    case "rate-limit":
      return new RateLimitObject(host);
    case "debounce":
    case "batch":
      return new CollectorObject(host);
    case "cancellation":
    case "replay":
      return new BulkObject(host);
    case "lines":
      return new LinesObject(host);
    default:
      return new LeaseObject(host);
  }
}
