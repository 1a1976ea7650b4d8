/** What commands print: tables for people, JSON for programs, progress beside both. */
import Table from "cli-table3";

export function print(line: string): void {
  process.stdout.write(`${line}\n`);
}

/** Beside the answer: what is done, what comes next. Never in the way of a program that reads the answer. */
export function note(line: string): void {
  process.stderr.write(`${line}\n`);
}

/** One value, for a program. Control characters are escaped also where JSON does not ask for it: a terminal obeys them. */
export function printJson(value: unknown): void {
  print(escapeControls(JSON.stringify(value, null, 2)));
}

/** One of many, a line each. */
export function printJsonLine(value: unknown): void {
  print(escapeControls(JSON.stringify(value)));
}

function escapeControls(json: string): string {
  return json.replaceAll(/[\u007f-\u009f\u202a-\u202e\u2066-\u2069]/g, escaped);
}

function escaped(character: string): string {
  return `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`;
}

/** A text of users on one line of a terminal: whatever would move the cursor, colour or turn it around is spelt out. */
export function plain(text: string): string {
  return text.replaceAll(/[\p{Cc}\u202a-\u202e\u2066-\u2069]/gu, (character) =>
    character === "\n" ? "⏎" : character === "\t" ? " " : escaped(character),
  );
}

/** The same over several lines, as JSON is printed. */
export function plainLines(text: string): string {
  return text.split("\n").map(plain).join("\n");
}

const CELL_MAX = 60;

/** At most as long as a column may be; programs and pipes get all of it from `--json`. */
export function cut(text: string, max = CELL_MAX): string {
  const line = plain(text);
  return line.length <= max ? line : `${line.slice(0, max - 1)}…`;
}

const noLines = {
  top: "",
  "top-mid": "",
  "top-left": "",
  "top-right": "",
  bottom: "",
  "bottom-mid": "",
  "bottom-left": "",
  "bottom-right": "",
  left: "",
  "left-mid": "",
  mid: "",
  "mid-mid": "",
  right: "",
  "right-mid": "",
  middle: "  ",
};

/** Columns under their names. */
export function printTable(head: readonly string[], rows: readonly (readonly string[])[]): void {
  const table = new Table({
    head: [...head],
    chars: noLines,
    style: { "padding-left": 0, "padding-right": 0, head: [], border: [], compact: true },
  });
  for (const row of rows) table.push([...row]);
  for (const line of table.toString().split("\n")) print(line.trimEnd());
}

/** Facts, one a line; those without a value are left out. */
export function printFacts(facts: readonly (readonly [string, string | null | undefined])[]): void {
  const known = facts.flatMap(([name, value]) => (value ? [[name, value] as const] : []));
  const width = Math.max(...known.map(([name]) => name.length));
  for (const [name, value] of known) print(`${name.padEnd(width)}  ${value}`);
}

const COLOURS: Record<string, number> = {
  completed: 32,
  ok: 32,
  failed: 31,
  fail: 31,
  cancelled: 33,
  warning: 33,
  running: 36,
  skipped: 90,
};

/** A status in its colour, where the terminal has colours. */
export function coloured(status: string): string {
  const colour = COLOURS[status.toLowerCase()];
  const { stdout } = process;
  if (colour === undefined || !stdout.isTTY || !stdout.hasColors()) return status;
  return `\u001b[${colour}m${status}\u001b[39m`;
}

/** Long work: one line that changes on a terminal, a line for each change elsewhere. */
export class Progress {
  #last = "";

  show(line: string): void {
    if (line === this.#last) return;
    this.#last = line;
    if (process.stderr.isTTY) process.stderr.write(`\r\u001b[K${line}`);
    else note(line);
  }

  /** What comes after begins on a line of its own. */
  end(): void {
    if (this.#last !== "" && process.stderr.isTTY) process.stderr.write("\n");
    this.#last = "";
  }
}
