import { RUN_SCHEMA, type Run } from "../../engine/run.ts";

/** @throws Error for a header that a newer version has stored */
export function readableRun<Header extends Run>(stored: Header): Header {
  if (stored.schema > RUN_SCHEMA)
    throw new Error(
      `run ${stored.id} was stored by a newer version (schema ${stored.schema}, this one reads ${RUN_SCHEMA})`,
    );
  return stored;
}
