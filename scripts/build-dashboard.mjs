/** `dist/dashboard`, and what went into it. `node scripts/build-dashboard.mjs` builds it alone and prints what it weighs. */
import { join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import { build } from "vite";

const self = fileURLToPath(import.meta.url);

/** @returns the files that went into it, relative to the package */
export async function buildDashboard(root) {
  const { output } = await build({ configFile: join(root, "dashboard/vite.config.ts"), logLevel: "warn" });
  const { firstPage, whole } = weigh(output);
  if (process.argv[1] === self) console.log(`first page ${kb(firstPage)} KB compressed, ${kb(whole)} KB in all`);
  if (firstPage > FIRST_PAGE_MAX_BYTES)
    throw new Error(
      `the dashboard's first page is ${firstPage} bytes compressed, over the bound of ${FIRST_PAGE_MAX_BYTES}`,
    );
  const modules = output.flatMap((file) => (file.type === "chunk" ? file.moduleIds : []));
  // style sheets are no modules of a chunk; their packages ask for their licences, too
  return [...modules, join(root, "node_modules/tailwindcss/index.css")]
    .map((id) => relative(root, id.replace(/[?\0].*$/, "")))
    .filter((file) => file.startsWith("node_modules/"));
}

/** What a browser loads to show the list of runs, compressed as on its way there. */
const FIRST_PAGE_MAX_BYTES = 350_000;
const FIRST_PAGE = "src/pages/runs/page.tsx";

function weigh(output) {
  const chunks = output.filter((file) => file.type === "chunk");
  const isFirst = ({ isEntry, facadeModuleId }) => isEntry || facadeModuleId?.endsWith(FIRST_PAGE);
  const needed = new Set(chunks.filter(isFirst));
  if (needed.size !== 2) throw new Error(`the entry and ${FIRST_PAGE} are ${needed.size} chunks, not two`);
  for (const { imports } of needed)
    // which grows meanwhile
    for (const chunk of chunks) if (imports.includes(chunk.fileName)) needed.add(chunk);
  const styles = output.filter(({ fileName }) => fileName.endsWith(".css"));
  const contents = [...[...needed].map(({ code }) => code), ...styles.map(({ source }) => source)];
  return {
    firstPage: contents.reduce((bytes, content) => bytes + gzipSync(content, { level: 6 }).length, 0),
    whole: output.reduce((bytes, file) => bytes + Buffer.byteLength(file.code ?? file.source), 0),
  };
}

function kb(bytes) {
  return (bytes / 1_000).toFixed(0);
}

if (process.argv[1] === self) await buildDashboard(fileURLToPath(new URL("..", import.meta.url)));
