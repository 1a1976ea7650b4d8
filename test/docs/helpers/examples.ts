/**
 * Examples of a page as modules: each block of TypeScript is one. A name that a block uses and does not declare is
 * imported from the nearest block before it that declares it, else from the prelude. A block that uses `step` without
 * defining a function is the inside of a handler. A block that begins with "```ts not-run" is type-checked only, and so is
 * what imports from it: for code that would listen on a port.
 *
 * A block whose first line names it, `// order.ts`, can be imported by the blocks after it under that name. Tests in blocks,
 * of Vitest or node:test, are collected for whoever loads them; those of a block that begins with "```ts fails" are to fail
 * with what the next block shows.
 */
import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { join, relative } from "node:path";
import { takeCollected, type CollectedTest } from "./collected-tests.ts";
import { blocksOf, root } from "./markdown.ts";
import * as prelude from "./prelude.ts";

const PRELUDE = "test/docs/helpers/prelude.ts";
/** What test runners are while examples are loaded: their tests would be those of the test that loads them. */
const TEST_RUNNERS = {
  vitest: "test/docs/helpers/collected-tests.ts",
  "node:test": "test/docs/helpers/collected-tests.ts",
};
/** Event that starts the handler around a block that is the inside of one. */
export const FRAGMENT_EVENT = "docs/fragment";

/** Entries of the package: the source file of each, by the name that users import. */
export type PackageFiles = Record<string, string>;

export interface Example {
  page: string;
  /** of the first line of code, from 1 */
  line: number;
  /** name of its module */
  file: string;
  /** lines before the code */
  head: string[];
  code: string;
  /** after the code */
  tail: string;
  isRun: boolean;
  /** what its tests fail with, as the page shows it; null when they pass */
  failure: string | null;
}

/** A module that was run. */
export interface LoadedExample {
  /** what it declares, under its names */
  exports: Record<string, unknown>;
  tests: CollectedTest[];
}

export class Examples {
  readonly all: readonly Example[];
  readonly #folder: string;

  /** @param pages texts by their path in the repository */
  constructor(pages: Record<string, string>) {
    this.all = Object.entries(pages).flatMap(([page, text]) => examplesOf(page, text));
    mkdirSync(join(root, ".vitest"), { recursive: true });
    this.#folder = mkdtempSync(join(root, ".vitest/examples-")); // in the repository, so that packages are found
  }

  /** What the type checker says of the examples, each at its place in the page. */
  typeErrors(packageFiles: PackageFiles): string[] {
    const folder = this.#write("types", (text) => text);
    const upward = (path: string) => relative(folder, join(root, path)).replaceAll("\\", "/");
    const config = {
      extends: upward("tsconfig.json"),
      compilerOptions: {
        types: ["@cloudflare/workers-types", "node"],
        noUnusedLocals: false,
        noUnusedParameters: false,
        paths: Object.fromEntries(Object.entries(packageFiles).map(([name, path]) => [name, [upward(path)]])),
      },
      files: this.all.map(({ file }) => file),
      include: [],
    };
    writeFileSync(join(folder, "tsconfig.json"), JSON.stringify(config));
    const tsc = join(root, "node_modules/typescript/bin/tsc");
    const { stdout, stderr } = spawnSync(process.execPath, [tsc, "-p", folder, "--pretty", "false", "--listFiles"], {
      cwd: folder,
      encoding: "utf8",
    });
    const unchecked = this.all.filter(({ file }) => !stdout.includes(`/${file}`));
    if (unchecked.length > 0) throw new Error(`the type checker did not come to the examples: ${stdout}${stderr}`);
    return stdout.split("\n").flatMap((line) => this.#located(line) ?? []);
  }

  /** An error in an example, at its place in the page; errors of other files are not the examples'. */
  #located(line: string): string | null {
    const [, file, row, message = ""] = /^([^/\\(]+\.ts)\((\d+),\d+\): error (.*)$/.exec(line) ?? [];
    const example = this.all.find((known) => known.file === file);
    if (!example) return null;
    const at = `${example.page}:${example.line + Number(row) - 1 - example.head.length}`;
    const unknown = /Cannot find name '(\w+)'|shorthand property '(\w+)'/.exec(message);
    if (!unknown) return `${at}: ${message}`;
    const name = unknown[1] ?? unknown[2];
    return `${at}: nothing declares "${name}": declare it in this block or one before it, or add it to ${PRELUDE}`;
  }

  /** Runs the modules one after the other. */
  async load(packageFiles: PackageFiles): Promise<Map<Example, LoadedExample>> {
    const files: PackageFiles = { ...packageFiles, ...TEST_RUNNERS };
    const entry = (name: string) => (name in files ? join(root, files[name]!) : name);
    const folder = this.#write("run", (text) =>
      text.replaceAll(/\b(from|^import) "([^"]+)"/gm, (_, word, name) => `${word} "${entry(name)}"`),
    );
    const loaded = new Map<Example, LoadedExample>();
    for (const example of this.all.filter(({ isRun }) => isRun)) {
      try {
        const exports = (await import(/* @vite-ignore */ join(folder, example.file))) as Record<string, unknown>;
        loaded.set(example, { exports, tests: takeCollected() });
      } catch (cause) {
        throw new Error(`${example.page}:${example.line}: the example cannot be run: ${String(cause)}`, { cause });
      }
    }
    return loaded;
  }

  remove(): void {
    rmSync(this.#folder, { recursive: true, force: true });
  }

  #write(name: string, change: (text: string) => string): string {
    const folder = join(this.#folder, name);
    mkdirSync(folder);
    const preludePath = relative(folder, join(root, PRELUDE)).replaceAll("\\", "/");
    for (const { file, head, code, tail } of this.all)
      writeFileSync(
        join(folder, file),
        change(`${head.join("").replaceAll('"PRELUDE"', `"${preludePath}"`)}${code}${tail}`),
      );
    return folder;
  }
}

/** The blocks of TypeScript in a page, as modules. */
export function examplesOf(page: string, text: string): Example[] {
  const examples: Example[] = [];
  /** files that blocks have named, by the specifier of an import */
  const named = new Map<string, string>();
  for (const [index, { language, code: shown, line, info }] of blocksOf(text).entries()) {
    if (language !== "ts" && language !== "typescript") continue;
    const code = shown.replaceAll(/\bfrom "(\.\/[^"]+)"/g, (whole, path) =>
      named.has(path) ? `from "${named.get(path)}"` : whole,
    );
    const head = importsFor(code, examples);
    const isFragment = /(?<![.\w])step\.\w/.test(code) && !code.includes("createFunction(");
    const own = isFragment ? (code.match(IMPORT_LINES) ?? []) : [];
    const file = `${page.replaceAll(/\W/g, "-")}-${line}.ts`;
    const [, name] = /^\/\/ (?:\S+\/)?([\w.-]+\.ts)$/m.exec(code.split("\n")[0] ?? "") ?? [];
    if (name !== undefined) named.set(`./${name}`, `./${file}`);
    examples.push({
      page,
      line,
      file,
      head: isFragment ? [...head, ...own, FRAGMENT_HEAD] : head,
      code: isFragment ? code.replaceAll(IMPORT_LINES, "\n") : code,
      tail: isFragment ? FRAGMENT_TAIL : exportsOf(code),
      isRun:
        !info.split(" ").includes("not-run") &&
        !examples.some((earlier) => !earlier.isRun && `${head.join("")}${code}`.includes(`"./${earlier.file}"`)),
      failure: info.split(" ").includes("fails") ? (blocksOf(text)[index + 1]?.code ?? "") : null,
    });
  }
  return examples;
}

const DECLARATION = "const|let|var|function\\*?|class|abstract class|interface|type";
const FRAGMENT_HEAD = `import { Inngest as Client } from "@dotdo/inngest"; export const fragment = new Client({ id: "docs" }).createFunction({ id: "fragment" }, { event: "${FRAGMENT_EVENT}" }, async ({ event, step, runId, attempt, logger }) => {\n`;
const IMPORT_LINES = /^import .*\n/gm;
const FRAGMENT_TAIL = "});\n";

/**
 * Imports of what a block uses and does not declare: from the block before it that declares most of it, then from the
 * one that declares most of the rest, of equals the nearest; what no block declares, from the prelude.
 */
function importsFor(code: string, before: readonly Example[]): string[] {
  const known = new Set([...declaredIn(code).keys(), ...importedIn(code)]);
  const sources = before
    .filter(({ tail }) => tail !== FRAGMENT_TAIL)
    .toReversed()
    .map((earlier) => ({ from: `./${earlier.file}`, names: [...declaredIn(earlier.code)] }));
  const helpers = Object.keys(prelude).map((name): [string, "value"] => [name, "value"]);
  const lines: string[] = [];
  const used = ({ names }: { names: [string, "value" | "type"][] }) =>
    names.filter(([name]) => !known.has(name) && new RegExp(`(?<![.\\w"'/-])${name}\\b`).test(code));
  const take = (source: { from: string; names: [string, "value" | "type"][] } | undefined) => {
    const names = source ? used(source) : [];
    if (!source || names.length === 0) return false;
    for (const [name] of names) known.add(name);
    const list = names.map(([name, kind]) => (kind === "type" ? `type ${name}` : name)).join(", ");
    lines.push(`import { ${list} } from "${source.from}";\n`);
    return true;
  };
  while (take(sources.toSorted((a, b) => used(b).length - used(a).length)[0]));
  take({ from: "PRELUDE", names: helpers });
  return lines;
}

/** What a block declares at its top level. */
function declaredIn(code: string): Map<string, "value" | "type"> {
  const declared = new Map<string, "value" | "type">();
  for (const [, kind, name] of code.matchAll(
    new RegExp(`^(?:export (?:default )?)?(?:async )?(${DECLARATION}) (\\w+)`, "gm"),
  ))
    declared.set(name!, kind === "interface" || kind === "type" ? "type" : "value");
  for (const [, names] of code.matchAll(/^(?:export )?(?:const|let) [[{]([^=]*)[\]}] =/gm))
    for (const part of names!.split(",")) {
      const name = /(\w+)\s*$/.exec(part)?.[1];
      if (name) declared.set(name, "value");
    }
  return declared;
}

function importedIn(code: string): string[] {
  const lists = [...code.matchAll(/^import (?:type )?([^"]+) from "/gm)].map((match) => match[1]!);
  return lists.flatMap((list) => [...list.matchAll(/(\w+)\s*(?=[,}]|$)/g)].map((match) => match[1]!));
}

/** Exports of what a block declares and does not export itself, for the blocks after it. */
function exportsOf(code: string): string {
  const listed = [...code.matchAll(/^export \{([^}]*)\}(?! from)/gm)].map((match) => match[1]!).join();
  const isExported = (name: string) =>
    new RegExp(`^export (?:async )?(?:${DECLARATION}) ${name}\\b`, "m").test(code) ||
    new RegExp(`\\b${name}\\b`).test(listed);
  const inner = [...declaredIn(code)].filter(([name]) => !isExported(name));
  return `export { ${inner.map(([name, kind]) => (kind === "type" ? `type ${name}` : name)).join(", ")} };\n`;
}
