/** The fixture app of a transport, from the test's side: its hooks, and for the served one its requests to the platform. */
import { Inngest } from "../../../src/sdk/index.ts";
import { makeFunctions } from "../../fixtures/functions.ts";
import type { FixtureApp } from "../../contract/behaviours.ts";
import { counted, open } from "../../fixtures/hooks.ts";
import { APP_ORIGIN, APP_URL } from "../../helpers/app-urls.ts";
import { post, request } from "./front-door.ts";
import type { Letter } from "../../helpers/mailbox.ts";

export const localApp: FixtureApp = {
  counted: async (name) => counted(name),
  open: async (name) => open(name),
};

export const httpApp: FixtureApp = {
  counted: async (name) => (await hook(`/hooks/counted?name=${name}`)) as number,
  open: async (name) => void (await hook(`/hooks/open?name=${name}`)),
};

async function hook(path: string, init?: RequestInit): Promise<unknown> {
  return (await fetch(`${APP_ORIGIN}${path}`, init)).json();
}

/** Registers the served functions, as an app's sync does. */
export function registerHttpApp(id = "http", url = APP_URL): Promise<{ status: number; body: any }> {
  const client = new Inngest({ id });
  const functions = makeFunctions(client).flatMap((fn) => fn.configs(client.id, url));
  return post("/fn/register", { url, appname: client.id, sdk: "js:v0", framework: "test", functions });
}

/** Carries requests from the served app to the platform until it is stopped. */
export function carryMail(): { stop(): Promise<void> } {
  let stopped = false;
  const carrying = (async () => {
    while (!stopped) for (const letter of (await hook("/mail")) as Letter[]) void deliver(letter);
  })();
  return {
    async stop() {
      stopped = true;
      await carrying;
    },
  };
}

async function deliver({ id, method, url, headers, body }: Letter): Promise<void> {
  const { pathname, search } = new URL(url);
  const response = await request(pathname + search, { method, headers, body });
  const answer = { id, status: response.status, headers: [...response.headers], body: await response.text() };
  await hook("/mail/answer", { method: "POST", body: JSON.stringify(answer) });
}
