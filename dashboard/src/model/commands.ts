/** Where one can go by name. */
import type { AppView } from "../api/apps.ts";
import type { FunctionView } from "../api/functions.ts";

export interface Command {
  title: string;
  kind: string;
  /** below the dashboard's own path */
  href: string;
}

const PAGES: Command[] = [
  { title: "Runs", kind: "page", href: "/runs" },
  { title: "Runs that failed", kind: "page", href: "/runs?status=FAILED" },
  { title: "Runs under way", kind: "page", href: "/runs?status=QUEUED,RUNNING" },
  { title: "Events", kind: "page", href: "/events" },
  { title: "Functions", kind: "page", href: "/functions" },
  { title: "Lines", kind: "page", href: "/lines" },
  { title: "Apps", kind: "page", href: "/apps" },
  { title: "Audit trail", kind: "page", href: "/audit" },
];

const COMMANDS_MAX = 20;
const ULID = /^[0-9A-HJKMNP-TV-Z]{26}$/i;

export function commandsOf(typed: string, functions: readonly FunctionView[], apps: readonly AppView[]): Command[] {
  const asked = typed.trim();
  if (ULID.test(asked))
    return [
      { title: asked, kind: "run", href: `/runs/${asked.toUpperCase()}` },
      { title: asked, kind: "event", href: `/events/${asked.toUpperCase()}` },
    ];
  const all = [
    ...PAGES,
    ...functions.map(({ slug, name }) => ({
      title: name === slug ? slug : `${name} (${slug})`,
      kind: "function",
      href: `/functions/${encodeURIComponent(slug)}`,
    })),
    ...apps.flatMap(({ id }) =>
      id === null ? [] : [{ title: id, kind: "runs of app", href: `/runs?app=${encodeURIComponent(id)}` }],
    ),
  ];
  const words = asked.toLowerCase().split(/\s+/);
  return all.filter(({ title }) => words.every((word) => title.toLowerCase().includes(word))).slice(0, COMMANDS_MAX);
}
