/** Which runs of a log's index a list has. */
import { compileSearch, searchMatches } from "../engine/expression.ts";
import type { EventRecord } from "../protocol/event.ts";
import type { RunIndexRow, RunListFilter, RunSearch } from "./objects.ts";
import type { LogStore } from "./storage/stores.ts";

/** Text of events that one look through an index reads. */
const READ_MAX_CHARS = 8 * 1024 * 1024;

export function isListed(
  row: RunIndexRow,
  { functionIds, appIds, statuses, timeField, from, until }: RunListFilter,
): boolean {
  const at = row[timeField];
  return (
    at !== null &&
    at >= from &&
    at < until &&
    (functionIds?.includes(row.functionId) ?? true) &&
    (appIds?.includes(row.appId) ?? true) &&
    (statuses?.includes(row.status) ?? true)
  );
}

/** One look through an index for runs whose event and output are as a search wants them. */
export class EventSearch {
  readonly #store: LogStore;
  readonly #search: RunSearch;
  readonly #usesOutput: boolean;
  /** those that were stored together with the last that was read */
  #read = new Map<string, EventRecord>();
  #chars = 0;

  /** @throws ExpressionError for a search that does not compile */
  constructor(store: LogStore, search: RunSearch) {
    this.#store = store;
    this.#search = search;
    this.#usesOutput = compileSearch(search.if).usesOutput;
  }

  /** Whether so much has been read that another request is to go on. */
  get isTired(): boolean {
    return this.#chars >= READ_MAX_CHARS;
  }

  /** Null: the run itself has what this needs, an output or an event that is not kept here. */
  test(row: RunIndexRow): boolean | null {
    const record = this.#record(row.eventId);
    if (!record) return null;
    const { if: source, now } = this.#search;
    const hasOutput = this.#usesOutput && (row.status === "Completed" || row.status === "Failed");
    const output = hasOutput ? undefined : null;
    const isMatch = searchMatches(source, { event: { ...record.event }, output, now });
    // one of its other events may be as it is wanted
    return isMatch === false && row.batch !== undefined ? null : isMatch;
  }

  #record(eventId: string): EventRecord | undefined {
    const known = this.#read.get(eventId);
    if (known) return known;
    const found = this.#store.find(eventId);
    if (!found) return undefined;
    const { row, event } = found;
    const logged = row.count === 1 ? [event] : this.#store.read(row.seq, row.seq + row.count);
    this.#read = new Map(logged.map(({ record }) => [record.internalId, record]));
    for (const { record } of logged) this.#chars += JSON.stringify(record).length;
    return event.record;
  }
}
