import { apiStatuses, errorGroups, errorNamesSaid } from "./error-codes.ts";
import { page, table } from "./markdown.ts";

/** docs/errors.md: a heading per code, so that `errors.md#<code>` is its address. */
export function errorsPage(): string {
  const groups = errorGroups.flatMap(({ title, where, codes }) => [
    `## ${title}`,
    where,
    ...Object.entries(codes).flatMap(([code, { means, remedy }]) => [
      `### ${code}`,
      means,
      `**What to do.** ${remedy}`,
    ]),
  ]);
  return page(
    "<!-- Made by `npm run docs` from scripts/docs/error-codes.ts; changes here are overwritten. -->",
    "# Errors",
    "Every error that can be told apart has a `code`, which stays the same while messages may be reworded. The message names\nthe thing, its value and the bound. An error that your own code throws keeps the `code` it has.",
    ...groups,
    "## Names",
    "Errors that code written for Inngest tells apart by `name`.",
    table(
      ["name", "means"],
      Object.entries(errorNamesSaid).map(([name, means]) => [`\`${name}\``, means]),
    ),
    "## API",
    "The platform's own API answers errors as `{ error, status }`. What a status means:",
    table(["status", "means"], Object.entries(apiStatuses)),
  );
}
