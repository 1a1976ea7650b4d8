import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

export const root = fileURLToPath(new URL("../../..", import.meta.url));

export function readPage(path: string): string {
  return readFileSync(join(root, path), "utf8");
}

/** The pages that people read, by their path in the repository: those of the root that are there, and all of docs/. */
export function pages(): string[] {
  const inRoot = ["README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "SECURITY.md", "CHANGELOG.md", "llms.txt"];
  const inDocs = readdirSync(join(root, "docs"), { recursive: true, encoding: "utf8" });
  return [
    ...inRoot.filter((path) => existsSync(join(root, path))),
    ...inDocs.filter((path) => path.endsWith(".md")).map((path) => `docs/${path.replaceAll("\\", "/")}`),
  ];
}

/** Files under a folder of the repository whose name ends so. */
export function filesUnder(folder: string, ending: string): string[] {
  return readdirSync(join(root, folder), { recursive: true, encoding: "utf8" })
    .filter((path) => path.endsWith(ending) && !path.includes("node_modules"))
    .map((path) => `${folder}/${path.replaceAll("\\", "/")}`);
}

export interface Block {
  language: string;
  /** what stands after the language */
  info: string;
  code: string;
  /** of the first line of code, from 1 */
  line: number;
}

/** Fenced blocks of code. */
export function blocksOf(text: string): Block[] {
  const blocks: Block[] = [];
  let open: Block | null = null;
  for (const [index, line] of text.split("\n").entries()) {
    const fence = /^```\s*([\w-]*)\s*(.*)$/.exec(line);
    if (open === null && fence) open = { language: fence[1]!, info: fence[2]!, code: "", line: index + 2 };
    else if (open !== null && fence) {
      blocks.push(open);
      open = null;
    } else if (open !== null) open.code += `${line}\n`;
  }
  return blocks;
}

/** Text outside of code: links and headings are looked for there. */
function prose(text: string): string {
  return text.replaceAll(/^```[\s\S]*?^```/gm, "").replaceAll(/`[^`\n]*`/g, (code) => code.replaceAll(/[[\]()]/g, "_"));
}

/** Targets of links and images. */
export function linksOf(text: string): string[] {
  const inline = [...prose(text).matchAll(/\]\(<?([^)\s>]+)>?(?:\s+"[^"]*")?\)/g)];
  const references = [...prose(text).matchAll(/^\[[^\]]+\]:\s+(\S+)/gm)];
  return [...inline, ...references].map((match) => match[1]!);
}

/** What `#…` may name on a page, by GitHub's rule: headings, and elements with an id. */
export function anchorsOf(text: string): Set<string> {
  const anchors = new Set<string>();
  for (const [, heading] of text.replaceAll(/^```[\s\S]*?^```/gm, "").matchAll(/^#{1,6}\s+(.*?)\s*#*$/gm)) {
    const words = heading!.replaceAll(/\[([^\]]*)\]\([^)]*\)/g, "$1").toLowerCase();
    const slug = words.replaceAll(/[^\p{L}\p{N}\s_-]/gu, "").replaceAll(/\s/g, "-");
    let anchor = slug;
    for (let n = 1; anchors.has(anchor); n++) anchor = `${slug}-${n}`;
    anchors.add(anchor);
  }
  for (const [, id] of text.matchAll(/\b(?:id|name)="([^"]+)"/g)) anchors.add(id!);
  return anchors;
}
