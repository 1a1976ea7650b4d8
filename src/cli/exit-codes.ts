/** How a command ends, for scripts; docs/cli.md has the table. */
export const exitCodes = {
  done: 0,
  /** the platform refused or did not answer, or something on this machine failed */
  failed: 1,
  /** the arguments cannot be: nothing was asked of anybody */
  usage: 2,
  /** a run that was waited for ended otherwise than completed */
  runFailed: 3,
  /** `--timeout` was over before the run was */
  timeUp: 4,
} as const;

export type ExitCode = (typeof exitCodes)[keyof typeof exitCodes];

/** What ends a command before its end: said in one line, which names what would be right. */
export class CommandError extends Error {
  readonly exitCode: ExitCode;

  constructor(message: string, exitCode: ExitCode = exitCodes.failed, options?: ErrorOptions) {
    super(message, options);
    this.name = "CommandError";
    this.exitCode = exitCode;
  }
}

/** Arguments, or a variable in their place, that cannot be. */
export function usageError(message: string): CommandError {
  return new CommandError(message, exitCodes.usage);
}
