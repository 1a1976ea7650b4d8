#!/usr/bin/env node
/** `inngest`: reads the arguments and hands over to a command. */
import nodeModule from "node:module";
import { CommanderError } from "commander";
import { CommandError, exitCodes } from "./exit-codes.ts";
import { createProgram } from "./program.ts";

async function main(args: string[]): Promise<void> {
  nodeModule.enableCompileCache?.(); // missing before Node 22.1; the tools are megabytes to parse, also for what this process forks
  // who reads the answer has had enough, as `head` does
  process.stdout.on("error", (error: NodeJS.ErrnoException) => process.exit(error.code === "EPIPE" ? 0 : 1));
  const program = createProgram();
  if (args.length === 0) return program.outputHelp();
  await program.parseAsync(args, { from: "user" });
}

main(process.argv.slice(2)).catch((error: unknown) => {
  // help and version have been printed; help is an answer to nothing where a command is missing
  if (error instanceof CommanderError) process.exit(error.code === "commander.help" ? exitCodes.usage : error.exitCode);
  console.error(`inngest: ${error instanceof Error ? error.message : String(error)}`);
  process.exit(error instanceof CommandError ? error.exitCode : exitCodes.failed);
});
