import { readLines } from "../../api/lines.ts";
import { useLive } from "../../api/live.ts";
import { LinesTable } from "./lines-table.tsx";

/** The lines of one function. */
export function LinesOfFunction({ slug }: { slug: string }) {
  const { data, error } = useLive({
    key: ["lines", slug],
    read: (sent) => readLines(slug, sent),
    everyMs: 2_000,
    follows: "lines",
  });
  if (error && !data) return <p className="text-bad">{error.message}</p>;
  if (!data) return <p className="text-soft">Reading its lines …</p>;
  return <LinesTable lines={data} />;
}
