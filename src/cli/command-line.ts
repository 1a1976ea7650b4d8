/** The parser of arguments, with errors in our words: each names the argument and what would be right. */
import { Command, Option, type ErrorOptions } from "commander";
import { instantMs, durationMs, TimeError } from "../protocol/time-string.ts";
import { usageError } from "./exit-codes.ts";

/** A command whose mistakes of use are told in one line, and end with the exit code of usage. */
export class CommandLine extends Command {
  override createCommand(name?: string): CommandLine {
    return new CommandLine(name).helpCommand(false);
  }

  override error(message: string, { code = "" }: ErrorOptions = {}): never {
    throw usageError(wordsOf(this, code, message));
  }
}

/** `inngest runs list`: how the command is called. */
function nameOf(command: Command): string {
  return command.parent ? `${nameOf(command.parent)} ${command.name()}` : command.name();
}

/** What commander says, as we say it. */
function wordsOf(command: Command, code: string, message: string): string {
  const see = `see ${nameOf(command)} --help`;
  const [, named = ""] = /'([^']*)'/.exec(message) ?? [];
  const similar = /\(Did you mean (?:one of )?(.*)\?\)/.exec(message)?.[1]?.replace(/, (?=[^,]*$)/, " or ");
  const hint = similar === undefined ? see : `did you mean ${similar}?`;
  switch (code) {
    case "commander.unknownOption": {
      const [flag = ""] = named.split("=");
      const isFlag = named.includes("=") && optionsOf(command).some(({ long }) => long === flag);
      return isFlag ? `${flag} takes no value` : `There is no option ${named}; ${hint}`;
    }
    case "commander.unknownCommand":
      return `There is no command "${named}"; ${hint}`;
    case "commander.optionMissingArgument":
      return `${longOf(named)} needs a value; ${see}`;
    case "commander.missingArgument":
      return `${nameOf(command)} needs <${named}>; ${see}`;
    case "commander.missingMandatoryOptionValue":
      return `${nameOf(command)} needs ${longOf(named)}; ${see}`;
    case "commander.excessArguments":
      return `"${command.args[command.registeredArguments.length]}" is one argument too many; ${see}`;
    case "commander.conflictingOption": {
      const [one = "", other = ""] = [...message.matchAll(/'([^']*)'/g)].map(([, flags = ""]) => longOf(flags));
      return `${one} and ${other} cannot be given together; ${see}`;
    }
    default:
      return message.replace(/^error: /, "");
  }
}

function optionsOf(command: Command): readonly Option[] {
  return command.parent ? [...command.options, ...optionsOf(command.parent)] : command.options;
}

/** "-p, --port <port>" → "--port" */
function longOf(flags: string): string {
  return /--[\w-]+/.exec(flags)?.[0] ?? flags;
}

/** An option whose value is looked at when it is read. */
export function checked<T>(flags: string, says: string, read: (value: string, name: string) => T): Option {
  return new Option(flags, says).argParser((value: string) => {
    if (value === "") throw usageError(`${longOf(flags)} needs a value`);
    return read(value, longOf(flags));
  });
}

/** The same, given several times or with commas: a list. */
export function listed<T>(flags: string, says: string, read: (value: string, name: string) => T): Option {
  return new Option(flags, says).argParser((value: string, before: T[] | undefined) => {
    const parts = value.split(",").map((part) => part.trim());
    if (parts.includes("")) throw usageError(`${longOf(flags)} needs a value`);
    return [...(before ?? []), ...parts.map((part) => read(part, longOf(flags)))];
  });
}

export function text(value: string): string {
  return value;
}

export function wholeNumber(min: number, max: number): (value: string, name: string) => number {
  return (value, name) => {
    const number = Number(value);
    if (/^\d+$/.test(value) && number >= min && number <= max) return number;
    throw usageError(`${name} is "${value}"; it must be a whole number from ${min} to ${max}`);
  };
}

/** @throws CommandError naming those that there are */
export function oneOf<T extends string>(words: readonly T[]): (value: string, name: string) => T {
  return (value, name) => {
    const found = words.find((word) => word.toLowerCase() === value.toLowerCase());
    if (found !== undefined) return found;
    throw usageError(`${name} is "${value}"; it must be of ${words.join(", ")}`);
  };
}

export function httpUrl(value: string, name: string, example = "http://localhost:3000/api/inngest"): string {
  if (URL.canParse(value) && /^https?:$/.test(new URL(value).protocol)) return value;
  throw usageError(`${name} is "${value}"; it must be a full URL, such as ${example}`);
}

/** Milliseconds: "30s", "5m", "1h30m". */
export function duration(value: string, name: string): number {
  try {
    return durationMs(value, name);
  } catch (error) {
    if (!(error instanceof TimeError)) throw error;
    throw usageError(`${name} is "${value}"; it must be a length of time, such as 30s, 5m or 1h30m`);
  }
}

/** An instant as the API takes it: ISO 8601, or how long ago it was. */
export function instant(value: string, name: string): string {
  const isDate = /^\d{4}-/.test(value);
  try {
    const at = isDate ? instantMs(value, name) : Date.now() - durationMs(value, name);
    return new Date(at).toISOString();
  } catch (error) {
    if (!(error instanceof TimeError)) throw error;
    throw usageError(
      `${name} is "${value}"; it must be an instant such as 2026-01-31T12:00:00Z, or how long ago: 30m, 2h, 7d`,
    );
  }
}
