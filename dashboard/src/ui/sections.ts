/** The pages that everything else is below of. */
export const SECTIONS = [
  { to: "/runs", title: "Runs" },
  { to: "/events", title: "Events" },
  { to: "/functions", title: "Functions" },
  { to: "/lines", title: "Lines" },
  { to: "/apps", title: "Apps" },
] as const;
