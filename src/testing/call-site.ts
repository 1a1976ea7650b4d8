/** Which line of a user's code calls. */

/** Where this package's own files are, as stack traces name them; empty where that cannot be told. */
const OWN = path((import.meta as { url?: string }).url ?? "").replace(/(\/testing)?\/[^/]*$/, "/");
const FRAMES = 30;

/** Where the code is that calls, to be read when it matters: most of what a stack trace costs is putting it in words. */
export function callSite(): () => string {
  const errors = Error as { stackTraceLimit?: number };
  const { stackTraceLimit } = errors;
  errors.stackTraceLimit = FRAMES;
  const error = new Error();
  errors.stackTraceLimit = stackTraceLimit;
  return () => userFrame(error.stack ?? "");
}

/** `file:line` of the innermost frame that is neither of this package, nor of a dependency or the runtime. */
function userFrame(stack: string): string {
  const frames = stack.split("\n").flatMap((line) => {
    const [, file, row] = /([^\s()@]+):(\d+):\d+\)?$/.exec(line) ?? [];
    return file !== undefined && row !== undefined && file.includes("/") ? [{ file: path(file), row }] : [];
  });
  const found =
    frames.find(({ file }) => !isOwn(file) && !/^node:|\/node_modules\//.test(file)) ??
    frames.find(({ file }) => !isOwn(file));
  return found ? `${short(found.file)}:${found.row}` : "an unknown place";
}

function isOwn(file: string): boolean {
  return OWN.length > 1 && file.startsWith(OWN);
}

function path(file: string): string {
  return file.replace(/^file:\/\//, "").replace(/\?.*$/, "");
}

/** As seen from where the tests run, or its last two parts. */
function short(file: string): string {
  const { process } = globalThis as { process?: { cwd?(): string } };
  const root = process?.cwd?.() ?? "";
  if (root.length > 1 && file.startsWith(`${root}/`)) return file.slice(root.length + 1);
  return file.split("/").slice(-2).join("/");
}
