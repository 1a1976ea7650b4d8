/** What an app of the suite serves beside its functions: what bodies noted, gates they wait at, calls that came. */
import { createServer, type RequestListener } from "node:http";

export interface Note {
  run: string;
  key: string;
  step: string;
  attempt: number;
  at: number;
}

const FUNCTIONS_PATH = "/api/inngest";

const notes: Note[] = [];
const calls: { run: string; step: string; status?: number }[] = [];
const gates = new Map<string, { opened: Promise<void>; open: () => void }>();

export function note(entry: Omit<Note, "at">): void {
  notes.push({ ...entry, at: Date.now() });
}

/** Waits until somebody has opened the gate. */
export function gate(name: string): Promise<void> {
  return gateOf(name).opened;
}

function gateOf(name: string) {
  let known = gates.get(name);
  if (known === undefined) {
    const { promise, resolve } = Promise.withResolvers<void>();
    gates.set(name, (known = { opened: promise, open: resolve }));
  }
  return known;
}

/** Serves functions and side routes until the process ends. */
export function serveApp(functions: RequestListener): void {
  // a connection that the app closes while a call is on its way to it would cost the call a try
  const server = createServer({ keepAliveTimeout: 600_000 }, (request, response) => {
    const url = new URL(request.url ?? "/", "http://localhost");
    const asked = (name: string) => url.searchParams.get(name) ?? "";
    const answer = (value: unknown) =>
      response.setHeader("content-type", "application/json").end(JSON.stringify(value));
    switch (url.pathname) {
      case FUNCTIONS_PATH: {
        const run = request.headers["x-run-id"];
        if (request.method === "POST" && typeof run === "string") {
          const call: (typeof calls)[number] = { run, step: asked("stepId") };
          calls.push(call);
          response.on("finish", () => (call.status = response.statusCode));
        }
        return functions(request, response);
      }
      case "/trace":
        return answer(
          notes.filter(({ run, key }) => (url.searchParams.has("run") ? run === asked("run") : key === asked("key"))),
        );
      case "/calls":
        return answer(calls.filter(({ run }) => run === asked("run")).map(({ step, status }) => ({ step, status })));
      case "/open":
        gateOf(asked("gate")).open();
        return answer({});
      default:
        return response.writeHead(404).end();
    }
  });
  server.listen(Number(process.env["PORT"]), "127.0.0.1", () => console.log(`ready ${process.env["PORT"]}`));
}
