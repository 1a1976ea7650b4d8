import type { ConcurrencyLimit } from "../protocol/flow-control.ts";
import { ADMIT, WAIT, type Verdict } from "./verdict.ts";

/**
 * So many may hold a lease. Functions that share a key share what is held, and each compares it with its own limit
 * (features §3.3). After a limit was lowered more may be held than it says: nobody enters until enough have left.
 *
 * @param held leases of the key, whosever they are
 */
export function concurrency({ limit }: Pick<ConcurrencyLimit, "limit">, held: number): Verdict {
  return held < limit ? ADMIT : WAIT;
}
