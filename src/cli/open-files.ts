/** The files that the runtime may have open: every object in memory takes three, and one that gets none fails. */

/** As many as a busy machine needs. */
const ENOUGH_FILES = 4_096;

/**
 * How many files this process and what it starts may have open. Node.js has raised that to the hard limit by itself.
 *
 * @returns undefined where there is no such limit, or it is not known
 */
export function openFilesLimit(): number | undefined {
  if (!process.report) return undefined;
  Object.assign(process.report, { excludeNetwork: true }); // else it looks up the names of all peers
  const report = process.report.getReport() as { userLimits?: { open_files?: { soft: number | "unlimited" } } };
  const limit = report.userLimits?.open_files?.soft;
  return typeof limit === "number" ? limit : undefined;
}

/** Variables of a Worker that has to get along with few files; none when there are enough. */
export function fileVariables(limit: number | undefined, log: (line: string) => void): Record<string, string> {
  if (limit === undefined || limit >= ENOUGH_FILES) return {};
  log(
    `inngest: only ${limit} files may be open, and every object in memory takes three: fewer runs are started at a time. ` +
      `Start from a shell with a higher limit: ulimit -n ${ENOUGH_FILES} (as root where that is refused; docker run --ulimit nofile=${ENOUGH_FILES})`,
  );
  return { INNGEST_OPEN_FILES: String(limit) };
}
