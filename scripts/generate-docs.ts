/**
 * `npm run docs`: writes docs/configuration.md and docs/errors.md from their sources. `test/docs` fails when the files
 * differ from what this writes.
 */
import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { configurationPage } from "./docs/configuration-page.ts";
import { errorsPage } from "./docs/errors-page.ts";

const root = fileURLToPath(new URL("..", import.meta.url));

/** Generated pages by their path in the repository. */
export function generatedPages(): Record<string, string> {
  return { "docs/configuration.md": configurationPage(root), "docs/errors.md": errorsPage() };
}

if (import.meta.main)
  for (const [path, text] of Object.entries(generatedPages())) {
    const file = join(root, path);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, text);
    console.log(path);
  }
