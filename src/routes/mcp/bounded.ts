/** Answers that fit into what an agent reads: what is left out is named, with its size. */

/** Of an answer, in characters of JSON: some 15,000 tokens. */
export const ANSWER_MAX_CHARS = 60_000;

interface Bounds {
  /** characters of one text */
  text: number;
  /** members of one list or object */
  members: number;
  depth: number;
}

const FIRST: Bounds = { text: 4_000, members: 100, depth: 12 };
const SMALLEST_TEXT = 60;
const SMALLEST_LIST = 3;

/** The JSON of a value; what is too large is cut, more and more until the whole fits. */
export function boundedJson(value: unknown): string {
  for (let bounds = FIRST; ; bounds = halved(bounds)) {
    const text = JSON.stringify(cut(value, bounds), null, 1);
    if (text.length <= ANSWER_MAX_CHARS) return text;
    if (bounds.text <= SMALLEST_TEXT && bounds.members <= SMALLEST_LIST)
      return `${text.slice(0, ANSWER_MAX_CHARS)}… [cut here: ${text.length} characters; ask for less]`;
  }
}

function halved({ text, members, depth }: Bounds): Bounds {
  return {
    text: Math.max(Math.floor(text / 2), SMALLEST_TEXT),
    members: Math.max(Math.floor(members / 2), SMALLEST_LIST),
    depth: Math.max(depth - 1, 4),
  };
}

function cut(value: unknown, { text, members, depth }: Bounds): unknown {
  if (typeof value === "string")
    return value.length <= text ? value : `${value.slice(0, text)}… [cut: ${value.length} characters in all]`;
  if (typeof value !== "object" || value === null) return value;
  const inner = { text, members, depth: depth - 1 };
  if (Array.isArray(value)) {
    if (depth === 0) return `[cut: a list of ${value.length}]`;
    const shown = value.slice(0, members).map((one) => cut(one, inner));
    return value.length <= members ? shown : [...shown, `[cut: ${value.length - members} more]`];
  }
  const entries = Object.entries(value);
  if (depth === 0) return `[cut: an object of ${entries.length}]`;
  const shown = Object.fromEntries(entries.slice(0, members).map(([name, one]) => [name, cut(one, inner)]));
  return entries.length <= members ? shown : { ...shown, "…": `[cut: ${entries.length - members} more members]` };
}
