export interface ServerEvent {
  event: string;
  data: unknown;
  id: string | undefined;
}

/** Reads server-sent events from text that comes in pieces; comments and unnamed ones are left out. */
export class EventReader {
  #rest = "";

  take(text: string): ServerEvent[] {
    const blocks = (this.#rest + text).split("\n\n");
    this.#rest = blocks.pop() ?? "";
    return blocks.flatMap((block) => {
      const fields = new Map(block.split("\n").map(fieldOf));
      const event = fields.get("event");
      const data = fields.get("data");
      return event === undefined || data === undefined
        ? []
        : [{ event, data: JSON.parse(data) as unknown, id: fields.get("id") }];
    });
  }
}

function fieldOf(line: string): [string, string] {
  const colon = line.indexOf(":");
  return [line.slice(0, colon), line.slice(colon + 1).trimStart()];
}
