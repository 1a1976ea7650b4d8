/**
 * `npm run compat`: what the declarations of `inngest` 4.x and 3.x have and ours do not, by name: subpaths, exports,
 * members of classes, interfaces and namespaces, options and step tools. Writes the tables of docs/compatibility.md.
 * Needs a build.
 *
 * docs/compatibility.json says of every missing name why it is missing. `--check` writes nothing; it fails on a missing
 * name without a reason, on a reason for a name that is there by now, on tables that are not up to date, and when more are
 * missing than MISSING_MAX: the list only shrinks.
 */
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("..", import.meta.url));
const dataFile = join(root, "docs/compatibility.json");
const pageFile = join(root, "docs/compatibility.md");
const START = "<!-- missing names: written by `npm run compat` -->";
const END = "<!-- end of missing names -->";

// TypeScript 7 has no such interface; attw brings the 5.x that it needs itself.
const ts = createRequire(createRequire(import.meta.url).resolve("@arethetypeswrong/core"))("typescript");

const upstream = [
  { version: "4.x", name: "inngest-v4" },
  { version: "3.x", name: "inngest-v3" },
];
const ours = { name: "@dotdo/inngest" };

/** Options and tools, which are spread over types of other names: an expression for each package, `U` being its module. */
const probes = [
  {
    name: "function option",
    "inngest-v4": "Parameters<InstanceType<typeof U.Inngest>['createFunction']>[0]",
    "inngest-v3": "Parameters<InstanceType<typeof U.Inngest>['createFunction']>[0]",
    [ours.name]: "Parameters<InstanceType<typeof U.Inngest>['createFunction']>[0]",
  },
  {
    name: "trigger option",
    "inngest-v4": "U.InngestFunction.Trigger<string>",
    "inngest-v3": "U.InngestFunction.Trigger<string>",
    [ours.name]: "U.Trigger",
  },
  {
    name: "handler argument",
    "inngest-v4": "U.Context<U.Inngest.Any>",
    "inngest-v3": "U.Context<U.Inngest.Any>",
    [ours.name]: "U.Context",
  },
  {
    name: "step",
    "inngest-v4": "U.GetStepTools<U.Inngest.Any>",
    "inngest-v3": "U.GetStepTools<U.Inngest.Any>",
    [ours.name]: "U.StepTools",
  },
  {
    name: "step.ai",
    "inngest-v4": "U.GetStepTools<U.Inngest.Any>['ai']",
    "inngest-v3": "U.GetStepTools<U.Inngest.Any>['ai']",
    [ours.name]: "U.StepTools['ai']",
  },
  {
    name: "step.waitForEvent option",
    "inngest-v4": "Parameters<U.GetStepTools<U.Inngest.Any>['waitForEvent']>[1]",
    "inngest-v3": "Parameters<U.GetStepTools<U.Inngest.Any>['waitForEvent']>[1]",
    [ours.name]: "Exclude<Parameters<U.StepTools['waitForEvent']>[1], string>",
  },
  {
    name: "step.invoke option",
    "inngest-v4": "Parameters<U.GetStepTools<U.Inngest.Any>['invoke']>[1]",
    "inngest-v3": "Parameters<U.GetStepTools<U.Inngest.Any>['invoke']>[1]",
    [ours.name]: "Parameters<U.StepTools['invoke']>[1]",
  },
  {
    name: "step options",
    "inngest-v4": "Exclude<U.StepOptionsOrId, string>",
    "inngest-v3": "Exclude<U.StepOptionsOrId, string>",
    [ours.name]: "Exclude<U.StepOptionsOrId, string>",
  },
  {
    name: "serve option",
    module: "cloudflare",
    "inngest-v4": "Parameters<typeof U.serve>[0]",
    "inngest-v3": "Parameters<typeof U.serve>[0]",
    [ours.name]: "Parameters<typeof U.serve>[0]",
  },
];

/** Ours by theirs, where one has been compared: a name may be exported by several subpaths. */
const compared = new Map();

/** How many names are missing. Lower it with the list; it is raised for a new version of `inngest` alone. */
const MISSING_MAX = 116;

const missing = findMissing();
const reasons = readReasons();
const unexplained = [...missing.keys()].filter((name) => !reasons.has(name));
const outdated = [...reasons.keys()].filter((name) => !missing.has(name));
const page = withTables(existsSync(pageFile) ? readFileSync(pageFile, "utf8") : newPage());

if (process.argv.includes("--check")) {
  const isCurrent = existsSync(pageFile) && readFileSync(pageFile, "utf8") === page;
  for (const name of unexplained) console.error(`missing without a reason: ${name} (${missing.get(name).join(", ")})`);
  for (const name of outdated) console.error(`there by now, or never was: ${name}`);
  if (!isCurrent) console.error("docs/compatibility.md is not up to date; run: npm run compat");
  if (unexplained.length + outdated.length > 0) console.error("Reasons are in docs/compatibility.json");
  const hasGrown = missing.size > MISSING_MAX;
  if (hasGrown) console.error(`${missing.size} names are missing, and the list only shrinks: at most ${MISSING_MAX}`);
  process.exit(unexplained.length + outdated.length > 0 || !isCurrent || hasGrown ? 1 : 0);
}
writeFileSync(pageFile, page);
console.log(
  `${missing.size} names are missing, ${unexplained.length} of them without a reason; ${outdated.length} reasons are outdated`,
);
if (missing.size < MISSING_MAX) console.log(`lower MISSING_MAX of scripts/compare-declarations.mjs to ${missing.size}`);

/** @returns {Map<string, string[]>} missing name → versions that have it */
function findMissing() {
  const found = new Map();
  const ourPaths = subpathsOf(readManifest(root));
  for (const { version, name } of upstream) {
    const paths = subpathsOf(readManifest(join(root, "node_modules", name)));
    const both = paths.filter((path) => ourPaths.includes(path));
    const note = (what) => found.set(what, new Set([...(found.get(what) ?? []), version]));
    // what the root lacks is told once, although other subpaths hand it on
    const noteIn = (prefix) => (what) => found.get(what)?.has(version) || note(prefix + what);
    for (const path of paths) if (!both.includes(path)) note(`inngest${path.slice(1)}`);

    const { checker, moduleOf, probe } = load(name, both);
    for (const path of both.toSorted((a, b) => Number(b === ".") - Number(a === "."))) {
      const prefix = path === "." ? "" : `inngest${path.slice(1)}: `;
      compareExports(checker, moduleOf(name, path), moduleOf(ours.name, path), noteIn(prefix));
    }
    for (const { name: what } of probes) {
      const known = propertiesOf(checker, probe(what, ours.name));
      for (const property of propertiesOf(checker, probe(what, name)).keys()) {
        if (known.has(property)) continue;
        note(`${what}${/^step(\.ai)?$/.test(what) ? "." : " "}${property}`);
      }
    }
  }
  const sorted = [...found].toSorted(([a], [b]) => a.localeCompare(b));
  return new Map(sorted.map(([name, versions]) => [name, [...versions]]));
}

function readManifest(folder) {
  return JSON.parse(readFileSync(join(folder, "package.json"), "utf8"));
}

function subpathsOf({ exports }) {
  return Object.keys(exports).filter((path) => path !== "./package.json");
}

/** A program that imports the packages as a user's file would. */
function load(name, paths) {
  const options = {
    module: ts.ModuleKind.NodeNext,
    moduleResolution: ts.ModuleResolutionKind.NodeNext,
    target: ts.ScriptTarget.ESNext,
    strict: true,
    skipLibCheck: true,
    noEmit: true,
    types: ["node"],
  };
  const files = new Map();
  for (const one of [name, ours.name]) {
    for (const path of paths) files.set(fileName(one, path), `export * from "${one}${path.slice(1)}";`);
    for (const probe of probes) {
      const module = probe.module === undefined ? one : `${one}/${probe.module}`;
      files.set(fileName(one, probe.name), `import type * as U from "${module}";\nexport type Probe = ${probe[one]};`);
    }
  }
  const host = ts.createCompilerHost(options);
  const { getSourceFile, fileExists, readFile } = host;
  host.fileExists = (file) => files.has(file) || fileExists(file);
  host.readFile = (file) => files.get(file) ?? readFile(file);
  host.getSourceFile = (file, ...rest) =>
    files.has(file) ? ts.createSourceFile(file, files.get(file), options.target) : getSourceFile(file, ...rest);
  const program = ts.createProgram([...files.keys()], options, host);
  for (const file of files.keys()) {
    const [error] = program.getSemanticDiagnostics(program.getSourceFile(file));
    if (error) throw new Error(`${file}: ${ts.flattenDiagnosticMessageText(error.messageText, "\n")}`);
  }
  const checker = program.getTypeChecker();
  const symbolOf = (file) => checker.getSymbolAtLocation(program.getSourceFile(file));
  return {
    checker,
    moduleOf: (one, path) => symbolOf(fileName(one, path)),
    probe(what, one) {
      const [alias] = checker.getExportsOfModule(symbolOf(fileName(one, what)));
      return checker.getDeclaredTypeOfSymbol(alias);
    },
  };
}

function fileName(name, what) {
  return join(root, `compat-${`${name} ${what}`.replaceAll(/\W+/g, "-")}.mts`);
}

/** Names of `theirs` that `ours` lacks; of a name that both have, its members. */
function compareExports(checker, theirs, mine, note) {
  const known = new Map(checker.getExportsOfModule(mine).map((symbol) => [symbol.name, resolve(checker, symbol)]));
  for (const exported of checker.getExportsOfModule(theirs)) {
    const { name } = exported;
    if (name === "default") continue;
    const [their, my] = [resolve(checker, exported), known.get(name)];
    if (my === undefined) note(name);
    else if (their !== my && compared.get(their) !== my) {
      compared.set(their, my);
      compareMembers(checker, name, their, my, note);
    }
  }
}

function compareMembers(checker, name, theirs, mine, note) {
  if (theirs.flags & ts.SymbolFlags.Module && theirs.flags & ~ts.SymbolFlags.Function) {
    const known = mine.flags & ts.SymbolFlags.Module ? checker.getExportsOfModule(mine) : [];
    for (const symbol of checker.getExportsOfModule(theirs)) {
      if (symbol.name === "prototype" || !isPublic(symbol)) continue;
      const my = known.find((one) => one.name === symbol.name) ?? staticsOf(checker, mine).get(symbol.name);
      if (my === undefined) note(`${name}.${symbol.name}`);
      else compareMembers(checker, `${name}.${symbol.name}`, resolve(checker, symbol), resolve(checker, my), note);
    }
  } else if (theirs.flags & ts.SymbolFlags.Value) {
    const known = staticsOf(checker, mine);
    for (const member of staticsOf(checker, theirs).keys()) if (!known.has(member)) note(`${name}.${member}`);
  }
  const typeLike = ts.SymbolFlags.Class | ts.SymbolFlags.Interface | ts.SymbolFlags.TypeAlias;
  if (!(theirs.flags & typeLike) || !(mine.flags & typeLike)) return;
  const type = checker.getDeclaredTypeOfSymbol(mine);
  if (type.flags & ts.TypeFlags.Instantiable) return; // its members depend on what it is applied to
  const known = propertiesOf(checker, type);
  const isClass = (theirs.flags & ts.SymbolFlags.Class) !== 0;
  for (const member of propertiesOf(checker, checker.getDeclaredTypeOfSymbol(theirs)).keys())
    if (!known.has(member)) note(isClass ? `${name}#${member}` : `${name}.${member}`);
}

/** Of a class its static members, of an object or an enum its properties, of a function nothing. */
function staticsOf(checker, symbol) {
  if (!(symbol.flags & ts.SymbolFlags.Value)) return new Map();
  const type = checker.getTypeOfSymbol(symbol);
  if (type.getCallSignatures().length > 0) return new Map();
  const properties = propertiesOf(checker, type);
  properties.delete("prototype");
  return properties;
}

/** Public properties of objects; of a union those of every member. */
function propertiesOf(checker, type) {
  if (type.isUnion()) return new Map(type.types.flatMap((member) => [...propertiesOf(checker, member)]));
  const isObject = type.flags & (ts.TypeFlags.Object | ts.TypeFlags.Intersection | ts.TypeFlags.TypeParameter);
  if (!isObject || checker.isArrayLikeType(type)) return new Map();
  const isUsable = (property) => isPublic(property) && !isRefused(checker.getTypeOfSymbol(property));
  const properties = checker.getPropertiesOfType(checker.getApparentType(type)).filter(isUsable);
  return new Map(properties.map((property) => [property.name, property]));
}

function isPublic(symbol) {
  const hidden = ts.ModifierFlags.Private | ts.ModifierFlags.Protected;
  const isHidden = (symbol.declarations ?? []).some((declaration) => ts.getCombinedModifierFlags(declaration) & hidden);
  const isInternal = symbol.getJsDocTags().some(({ name }) => name === "internal" || name === "private");
  return !isHidden && !isInternal && !/^__|^#|^~/.test(symbol.name);
}

/** `name?: never`, with which a type says that it does not take a name. */
function isRefused(type) {
  return (type.flags & (ts.TypeFlags.Never | ts.TypeFlags.Undefined)) !== 0;
}

function resolve(checker, symbol) {
  return symbol.flags & ts.SymbolFlags.Alias ? checker.getAliasedSymbol(symbol) : symbol;
}

/** @returns {Map<string, string>} name → why it is missing */
function readReasons() {
  const groups = existsSync(dataFile) ? JSON.parse(readFileSync(dataFile, "utf8")) : {};
  return new Map(Object.entries(groups).flatMap(([reason, names]) => names.map((name) => [name, reason])));
}

function withTables(text) {
  const [before, rest] = text.split(START);
  const after = rest?.split(END)[1];
  if (after === undefined) throw new Error(`docs/compatibility.md lacks the lines "${START}" and "${END}"`);
  return `${before}${START}\n\n${tables()}\n${END}${after}`;
}

/** One table for each reason, in the order of docs/compatibility.json. */
function tables() {
  const groups = Map.groupBy(missing.keys(), (name) => reasons.get(name) ?? "No reason is given yet");
  const order = [...new Set(reasons.values())];
  const sorted = [...groups].toSorted(([a], [b]) => order.indexOf(a) - order.indexOf(b));
  const sections = sorted.map(([reason, names]) => {
    const rows = names.map((name) => `| \`${name}\` | ${missing.get(name).join(", ")} |`);
    return [`**${reason}**`, "", "| name | in `inngest` |", "|---|---|", ...rows, ""].join("\n");
  });
  return sections.join("\n");
}

function newPage() {
  return `# Compatibility with \`inngest\`\n\n## Missing names\n\n${START}\n${END}\n`;
}
