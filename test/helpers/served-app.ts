/** The fixture's functions as an app of their own, in Node: what the Worker's calls to `http://<any>.app.test` reach. */
import { type Request as IncomingRequest, Response as OutgoingResponse } from "miniflare";
import { Inngest } from "../../src/sdk/index.ts";
import { createHandler, type ServeHandler } from "../../src/serve/handler.ts";
import { makeFunctions } from "../fixtures/functions.ts";
import { counted, open } from "../fixtures/hooks.ts";
import { SIGNED_APP_KEY } from "./app-urls.ts";
import { Mailbox } from "./mailbox.ts";

interface ServedApp {
  handler: ServeHandler;
  /** of the client that tells of each step while its call goes on */
  telling: ServeHandler;
  mailbox: Mailbox;
}

const apps = new Map<string, ServedApp>();

/** Each host is an app with a mailbox of its own. */
function appAt(host: string): ServedApp {
  const known = apps.get(host);
  if (known) return known;
  const mailbox = new Mailbox();
  const fetch: typeof globalThis.fetch = (...request) => mailbox.carry(new Request(...request));
  const served = (id: string, checkpointing: boolean) => {
    const client = new Inngest({ id, isDev: true, fetch, checkpointing });
    return createHandler({ client, functions: makeFunctions(client), framework: "test" });
  };
  const app = { mailbox, handler: served("http", false), telling: served("telling", true) };
  apps.set(host, app);
  return app;
}

const signedClient = new Inngest({ id: "signed", isDev: false, signingKey: SIGNED_APP_KEY });
const signedHandler = createHandler({
  client: signedClient,
  functions: makeFunctions(signedClient),
  framework: "test",
});

const branchClient = new Inngest({ id: "branched", isDev: true, env: "preview/served" });
const branchHandler = createHandler({
  client: branchClient,
  functions: makeFunctions(branchClient),
  framework: "test",
});

/**
 * `/branched` is an app of a branch environment, `/api/inngest` is the app, whose calls end with each step, `/telling` one whose calls go on, `/signed` one in cloud mode, `/status` and others are apps that cannot be synced, `/hooks/…` the fixture's hooks, `/mail` the requests that the app makes of the platform:
 * this process cannot reach the Worker, so the test fetches and carries them.
 */
export async function answerAsApp(request: IncomingRequest): Promise<OutgoingResponse> {
  const url = new URL(request.url);
  const name = url.searchParams.get("name") ?? "";
  const { handler, telling, mailbox } = appAt(url.hostname);
  const body = request.method === "GET" ? undefined : await request.text();
  switch (url.pathname) {
    case "/hooks/counted":
      return OutgoingResponse.json(counted(name));
    case "/hooks/open":
      open(name);
      return OutgoingResponse.json(true);
    case "/mail":
      return OutgoingResponse.json(await mailbox.take());
    case "/mail/answer":
      mailbox.answer(JSON.parse(body ?? ""));
      return OutgoingResponse.json(true);
    case "/status":
      return new OutgoingResponse("", { status: Number(url.searchParams.get("code")) });
    case "/registers-itself": // as an official Go app answers: 200 and nothing more, once it has registered
      return new OutgoingResponse("", { headers: { "x-inngest-sdk": "go:v0.15.1" } });
    case "/not-sdk":
      return new OutgoingResponse("<html>a login page</html>", { headers: { "content-type": "text/html" } });
    default: {
      const others = new Map([
        ["/signed", signedHandler],
        ["/telling", telling],
        ["/branched", branchHandler],
      ]);
      const answer = others.get(url.pathname) ?? handler;
      const response = await answer(new Request(url, { method: request.method, headers: [...request.headers], body }));
      return new OutgoingResponse(await response.text(), { status: response.status, headers: [...response.headers] });
    }
  }
}
