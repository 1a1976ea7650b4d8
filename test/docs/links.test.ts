import { existsSync, statSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { expect, test } from "vitest";
import { anchorsOf, linksOf, pages, readPage, root } from "./helpers/markdown.ts";

test.each(pages())("%s: every relative link and every anchor leads somewhere", (path) => {
  expect(linksOf(readPage(path)).flatMap((link) => problem(path, link) ?? [])).toEqual([]);
});

test("llms.txt names every page, in the form of llmstxt.org", () => {
  const text = readPage("llms.txt");
  expect(text).toMatch(/^# .+\n\n> .+\n/);
  const [intro, ...sections] = text.split(/^## /m);
  expect(intro).toContain("createFunction");
  for (const section of sections)
    for (const line of section.split("\n").slice(1).filter(Boolean)) expect(line).toMatch(/^- \[.+\]\(.+\)(: .+)?$/);
  const named = linksOf(text);
  const unnamed = pages().filter((page) => /^README|^ARCH|^docs\//.test(page) && !named.includes(page));
  expect(unnamed, "add a line to llms.txt").toEqual([]);
});

test("code and anchors are read as GitHub reads them", () => {
  expect(linksOf("a [b](c.md#d) `[no](link)`\n```md\n[no](link)\n```\n[e]: f.md")).toEqual(["c.md#d", "f.md"]);
  expect([...anchorsOf('# G1. It\'s `a` — b\n## x_y\n## x_y\n<a id="z"></a>')]).toEqual([
    "g1-its-a--b",
    "x_y",
    "x_y-1",
    "z",
  ]);
});

/** What is wrong with a link of a page, if anything; other sites are not asked. */
function problem(page: string, link: string): string | null {
  if (/^[a-z][a-z0-9+.-]*:/i.test(link)) return null;
  const [path = "", anchor] = link.split("#");
  const target = path === "" ? page : relative(root, join(root, dirname(page), decodeURIComponent(path)));
  if (target.startsWith("..")) return `${link}: outside of the repository`;
  if (!existsSync(join(root, target))) return `${link}: there is no ${target}`;
  if (anchor === undefined || statSync(join(root, target)).isDirectory() || !/\.(md|txt)$/.test(target)) return null;
  return anchorsOf(readPage(target)).has(anchor) ? null : `${link}: ${target} has no heading #${anchor}`;
}
