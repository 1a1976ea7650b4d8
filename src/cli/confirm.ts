import { createInterface } from "node:readline/promises";
import { usageError } from "./exit-codes.ts";

/**
 * Asks whether to go on; the answer that costs nothing is no.
 *
 * @throws CommandError when there is nobody to ask
 */
export async function confirm(question: string): Promise<boolean> {
  if (!process.stdin.isTTY) throw usageError(`${question} Nobody can be asked here: repeat it with --yes`);
  const terminal = createInterface({ input: process.stdin, output: process.stderr });
  try {
    return /^y(es)?$/i.test((await terminal.question(`${question} [y/N] `)).trim());
  } finally {
    terminal.close();
  }
}
