import { afterAll, afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { InngestFunction, Inngest } from "../../src/sdk/index.ts";
import { createTestPlatform } from "../../src/testing/platform.ts";
import {
  Examples,
  examplesOf,
  FRAGMENT_EVENT,
  type Example,
  type LoadedExample,
  type PackageFiles,
} from "./helpers/examples.ts";
import { filesUnder, pages, readPage } from "./helpers/markdown.ts";

/** Data of the events, by trigger, that start the functions of examples, beside the events that examples send. */
const EVENTS: Record<string, Record<string, unknown>> = {
  "test/hello": { name: "Ada" },
  "shop/order.*": { total: 200 },
  "user/joined": { userId: "1" },
  "user/signed-up": { email: "ada@example.com" },
  "order/placed": { orderId: "o1", cents: 4_200 },
  "order/*": { why: "late" },
  "cart/filled": { orderId: "o1", cents: 4_200 },
  "report/due": { userId: "u1" },
  "user/action": { userId: "u1" },
  "search/query": { userId: "u1" },
  "customer/changed": { customerId: "c1" },
  "document/added": { documentId: "d1" },
  "account/entry": { accountId: "a1", cents: 4_200 },
  "api/call": { apiKey: "k1" },
  "cart/left": { userId: "u1" },
  "cart/checked-out": { cartId: "c1" },
  "document/edited": { documentId: "d1" },
  "row/tracked": { table: "rows" },
  "site/changed": { siteId: "s1" },
  "video/uploaded": { plan: "pro" },
  "trial/started": { userId: "u1" },
  "file/dropped": { url: "https://example.com/a.csv" },
  "file/added": { userId: "u1", url: "https://example.com/a.mov" },
  "chat/asked": { roomId: "r1", question: "why?" },
  "ticket/opened": { ticketId: "t1" },
  "basket/paid": {},
  [FRAGMENT_EVENT]: {},
};

interface SentEvent {
  name: string;
  data: Record<string, unknown>;
}

const examples = new Examples(Object.fromEntries(pages().map((path) => [path, readPage(path)])));
const sent: SentEvent[] = [];
let loading: Promise<Map<Example, LoadedExample>> | undefined;
afterAll(() => examples.remove());

beforeEach(() => {
  for (const name of Object.keys(process.env)) if (name.startsWith("INNGEST_")) vi.stubEnv(name, undefined);
});
afterEach(() => {
  vi.unstubAllEnvs();
  vi.unstubAllGlobals();
});

test("there are examples, and each TypeScript block is one", () => {
  expect(examples.all.filter(({ page }) => page === "README.md").length).toBeGreaterThan(2);
  expect(examples.all.some(({ page }) => page === "llms.txt")).toBe(true);
});

test("every example type-checks against the sources", { timeout: 60_000 }, () => {
  expect(examples.typeErrors(packageFiles())).toEqual([]);
});

test("every function of an example that an event starts runs to its end", { timeout: 30_000 }, async () => {
  const loaded = new Map([...(await load())].map(([example, { exports }]) => [example, exports]));
  const byClient = new Map<unknown, { fn: InngestFunction; place: string }[]>();
  for (const [{ page, line }, exports] of loaded)
    for (const fn of Object.values(exports))
      if (fn instanceof InngestFunction && fn.triggers.length > 0)
        byClient.set(fn.owner, [...(byClient.get(fn.owner) ?? []), { fn, place: `${page}:${line}` }]);
  const ends: { place: string; id: string; end: unknown }[] = [];
  for (const [client, found] of byClient) {
    const unique = [...new Map(found.map((one) => [one.fn.id(), one])).values()];
    const invoked = functionsOf(loaded.values(), client);
    for (const { fn, place } of unique)
      ends.push({ place, id: fn.id(), end: await endOf(fn, invoked, client, sent, place) });
  }
  expect(ends.filter(({ end }) => end !== "completed")).toEqual([]);
  expect(ends.map(({ place }) => place.split(":")[0])).toEqual(expect.arrayContaining(["README.md", "llms.txt"]));
});

test("every test of an example passes, or fails with what the page shows", { timeout: 120_000 }, async () => {
  const found = [...(await load())].flatMap(([example, { tests }]) => tests.map((one) => ({ ...one, ...example })));
  expect([...new Set(found.map(({ page }) => page))]).toEqual(expect.arrayContaining(["README.md", "docs/testing.md"]));
  for (const { name, body, page, line, failure } of found) {
    const message = await messageOf(body);
    expect(shape(message ?? ""), `${page}:${line}: ${name}\n${message}`).toBe(shape(failure ?? ""));
  }
});

describe("how a block becomes a module", () => {
  test("names of blocks before it are imported from the nearest, then those of the prelude; its own are not", () => {
    const block = (code: string) => `\`\`\`ts\n${code}\n\`\`\`\n`;
    const [, second, third] = examplesOf(
      "A.md",
      block("const a = 1;\nexport const b = 2;") + block("const b = 3;\nfetchUser(a);") + block("x.a(b);"),
    );
    expect(second!.head).toEqual(['import { a } from "./A-md-2.ts";\n', 'import { fetchUser } from "PRELUDE";\n']);
    expect(third!.head).toEqual(['import { b } from "./A-md-6.ts";\n']);
    expect(second!.tail).toBe("export { b };\n");
  });

  test(
    "what is wrong is told by page and line, and a name that nothing declares by what to do",
    { timeout: 60_000 },
    () => {
      const lines = ["# A", "```ts", 'import { Inngest } from "@dotdo/inngest";', "missing(Inngest);", "```"];
      const more = ["```ts", 'const n: number = await step.run("a", () => "b");', "fetchUser(n);", "```", ""];
      const wrong = new Examples({ "docs/A.md": [...lines, ...more].join("\n") });
      const errors = wrong.typeErrors(packageFiles());
      wrong.remove();
      expect(errors).toEqual([
        'docs/A.md:4: nothing declares "missing": declare it in this block or one before it, or add it to test/docs/helpers/prelude.ts',
        "docs/A.md:7: TS2322: Type 'string' is not assignable to type 'number'.",
        "docs/A.md:8: TS2345: Argument of type 'number' is not assignable to parameter of type 'string'.",
      ]);
    },
  );

  test("not-run keeps a block, and what imports from it, from being run", () => {
    const made = examplesOf("A.md", "```ts not-run\nconst a = 1;\n```\n```ts\na;\n```\n```ts\nconst b = 2;\n```\n");
    expect(made.map(({ isRun }) => isRun)).toEqual([false, false, true]);
  });

  test("a block can be imported by the name in its first line; what is not run is not for it either", () => {
    const named = "```ts not-run\n// src/order.ts\nexport const order = 1;\n```\n";
    const [, user] = examplesOf("A.md", `${named}\`\`\`ts\nimport { order } from "./order.ts";\norder;\n\`\`\`\n`);
    expect(user).toMatchObject({ code: 'import { order } from "./A-md-2.ts";\norder;\n', head: [], isRun: false });
  });

  test("fails makes the block after it what the tests of a block fail with", () => {
    const [example] = examplesOf("A.md", "```ts fails\na();\n```\nIt prints\n```text\nno a\n```\n```ts\nb();\n```\n");
    expect(example!.failure).toBe("no a\n");
  });

  test("what uses step outside of a function is the inside of a handler", () => {
    const [example] = examplesOf("A.md", '```ts\nawait step.run("a", () => 1);\n```\n');
    expect(example!.head.join("")).toContain("createFunction");
    expect(example!.line).toBe(2);
  });
});

/** The examples, run once, as an app in dev mode whose events go nowhere. */
function load(): Promise<Map<Example, LoadedExample>> {
  vi.stubEnv("INNGEST_DEV", "1");
  vi.stubGlobal("fetch", async (_url: string, { body }: { body: string }) => {
    const events = JSON.parse(body) as SentEvent[];
    sent.push(...events);
    return Response.json({ ids: events.map((_event, index) => `${index}`), status: 200 });
  });
  return (loading ??= examples.load({
    ...packageFiles(),
    "@dotdo/inngest/worker": "test/docs/helpers/worker-in-node.ts",
  }));
}

/** What a test fails with; null when it passes. */
async function messageOf(body: () => unknown): Promise<string | null> {
  try {
    await body();
    return null;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

/** A message without what another machine, or another order of turns, makes different: ids, numbers, files, which of two crashes. */
function shape(message: string): string {
  const named = message.replaceAll(/\b[0-9A-HJKMNP-TV-Z]{26}\b/g, "ID").replaceAll(/\S+\.ts:\d+/g, "FILE");
  const numbered = named.replaceAll("the process died", "the object died").replaceAll(/\d+(?:\.\d+)?/g, "0");
  return numbered.replaceAll(/ +/g, " ").trim();
}

/** Entries of the package by what users import, as package.json says, with the source of each. */
function packageFiles(): PackageFiles {
  const { name, exports } = JSON.parse(readPage("package.json")) as { name: string; exports: Record<string, unknown> };
  const sources = new Set(filesUnder("src", ".ts"));
  return Object.fromEntries(
    Object.entries(exports).flatMap(([path, target]): [string, string][] => {
      const types = typeof target === "object" && target !== null ? Reflect.get(target, "types") : undefined;
      const source = String(types).replace(/^\.\/dist\/(.*)\.d\.ts$/, "src/$1.ts");
      return sources.has(source) ? [[path.replace(/^\./, name), source]] : [];
    }),
  );
}

function functionsOf(modules: Iterable<Record<string, unknown>>, client: unknown): InngestFunction[] {
  const all = [...modules].flatMap((exports) => Object.values(exports));
  const own = all.filter((value) => value instanceof InngestFunction).filter((fn) => fn.owner === client);
  return [...new Map(own.map((fn) => [fn.id(), fn])).values()];
}

/** Starts a function by its event and follows the run; how it ended. */
async function endOf(
  fn: InngestFunction,
  functions: InngestFunction[],
  client: unknown,
  sent: SentEvent[],
  place: string,
): Promise<unknown> {
  const { event } = fn.triggers[0]!;
  const data = EVENTS[event] ?? sent.find(({ name }) => name === event)?.data;
  if (!data) throw new Error(`${place}: function "${fn.id()}" needs an event "${event}": add its data to EVENTS`);
  if (!(client instanceof Inngest)) throw new Error(`${place}: function "${fn.id()}" was not made by a client`);
  const platform = createTestPlatform({ functions, client });
  await platform.send({ name: event.replace("*", "example"), data, id: "docs" });
  await platform.clock.runUntilIdle(); // a debounce or a batch starts its run later
  const [run] = platform.runs(fn);
  if (!run) return "not started: is the data what the trigger's `if` asks for?";
  return run.error ?? run.status.toLowerCase();
}
