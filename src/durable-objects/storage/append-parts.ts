import type { EventRecord } from "../../protocol/event.ts";

/** Characters of one part's events: several small events share a part, which stays far below a value's bound. */
const PART_CHARS = 400_000;

/** What is stored together of a request: its events, as the JSON that they stay until somebody reads them. */
export interface AppendPart {
  firstId: string;
  /** each once */
  names: string[];
  texts: string[];
}

/** Cuts a request into parts whose ids rise. */
export function appendParts(records: EventRecord[]): AppendPart[] {
  const parts: (AppendPart & { lastId: string; chars: number })[] = [];
  for (const record of records) {
    const { internalId: id } = record;
    const { name } = record.event;
    const text = JSON.stringify(record);
    const last = parts.at(-1);
    // the counter in the ids of a request may start over: a part's ids must rise, or they are not found
    if (last && id > last.lastId && last.chars + text.length <= PART_CHARS) {
      if (!last.names.includes(name)) last.names.push(name);
      last.texts.push(text);
      last.lastId = id;
      last.chars += text.length;
    } else parts.push({ firstId: id, names: [name], texts: [text], lastId: id, chars: text.length });
  }
  return parts;
}
