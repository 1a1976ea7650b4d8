/** Apps that serve their functions where frameworks usually do: asked for, so that `inngest dev` needs no URL. */

/** Those that Inngest's dev server looks at (inngest/inngest, pkg/devserver/discovery). */
const PORTS = [range(3000, 3010), 4321, 5000, 5173, 8000, 8080, 8081, 8787, 8888, range(8910, 8915)].flat();
const PATHS = ["/api/inngest", "/x/inngest", "/.netlify/functions/inngest", "/.redwood/functions/inngest"];
const ANSWERS_WITHIN_MS = 1_000;

export interface DiscoveryOptions {
  /** urls that need not be looked for */
  known: readonly string[];
  /** the platform's own */
  exceptPort?: number;
  ports?: readonly number[];
  signal: AbortSignal;
}

/** @returns urls of apps that answer and are not known */
export async function discoverApps({ known, exceptPort, ports = PORTS, signal }: DiscoveryOptions): Promise<string[]> {
  const places = new Set(known.flatMap(placeOf));
  const found = await Promise.all(
    ports.filter((port) => port !== exceptPort).map((port) => lookAt(port, places, signal)),
  );
  return found.flat();
}

/** One port, path by path: who serves there may be slow to refuse, and must not be asked for all at once. */
async function lookAt(port: number, places: ReadonlySet<string>, signal: AbortSignal): Promise<string[]> {
  for (const path of PATHS) {
    if (places.has(`${port}${path}`)) return [];
    const url = `http://localhost:${port}${path}`;
    const answer = await ask(url, signal);
    if (answer === "app") return [url];
    if (answer === "nobody") return [];
  }
  return [];
}

/** Every SDK names itself in its answers; `nobody`: no other path has to be tried. */
async function ask(url: string, signal: AbortSignal): Promise<"app" | "other" | "nobody"> {
  try {
    const limited = AbortSignal.any([signal, AbortSignal.timeout(ANSWERS_WITHIN_MS)]);
    const answer = await fetch(url, { signal: limited, redirect: "manual" });
    await answer.body?.cancel();
    return answer.headers.has("x-inngest-sdk") ? "app" : "other";
  } catch {
    return "nobody";
  }
}

/** Port and path of a URL on this machine: `localhost` and `127.0.0.1` are one app. */
function placeOf(url: string): string[] {
  if (!URL.canParse(url)) return [];
  const { hostname, port, pathname } = new URL(url);
  return /^(localhost|127\..*|\[::1\])$/.test(hostname) ? [`${port}${pathname}`] : [];
}

function range(first: number, last: number): number[] {
  return Array.from({ length: last - first + 1 }, (_, i) => first + i);
}
