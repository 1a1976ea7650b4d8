/** `inngest deploy`, with a wrangler whose account is a file; and the real one, as far as it goes without an account. */
import { spawnSync } from "node:child_process";
import {
  chmodSync,
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  realpathSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { beforeEach, describe, expect, test } from "vitest";

const root = join(import.meta.dirname, "../..");

interface Account {
  loggedIn: boolean;
  accounts: { id: string; name: string }[];
  queues: string[];
  secrets: Record<string, string>;
  deployed: Record<string, unknown> | null;
  calls: string[];
  fail?: string;
}

let folder: string;
let file: string;
let env: NodeJS.ProcessEnv;

beforeEach(() => {
  folder = realpathSync(mkdtempSync(join(tmpdir(), "inngest-deploy-")));
  file = join(folder, "account.json");
  mkdirSync(join(folder, "bin"));
  copyFileSync(join(root, "test/fixtures/fake-wrangler.mjs"), join(folder, "bin/wrangler"));
  chmodSync(join(folder, "bin/wrangler"), 0o755);
  env = {
    ...process.env,
    INNGEST_SIGNING_KEY: "",
    INNGEST_EVENT_KEY: "",
    CLOUDFLARE_ACCOUNT_ID: "",
    CLOUDFLARE_API_TOKEN: "",
    FAKE_ACCOUNT: file,
    PATH: [join(folder, "bin"), process.env.PATH].join(delimiter),
  };
  account({});
  return () => rmSync(folder, { recursive: true, force: true });
});

/** Changes the account, and tells how it stands. */
function account(changes?: Partial<Account>): Account {
  const before: Account = changes && Object.keys(changes).length === 0 ? empty() : read();
  if (changes) writeFileSync(file, JSON.stringify({ ...before, ...changes, calls: [] }));
  return read();
}

function read(): Account {
  return JSON.parse(readFileSync(file, "utf8")) as Account;
}

function empty(): Account {
  const accounts = [{ id: "0123", name: "Example" }];
  return { loggedIn: true, accounts, queues: [], secrets: {}, deployed: null, calls: [] };
}

function deploy(...args: string[]) {
  const command = [join(root, "src/cli/main.ts"), "deploy", ...args];
  const { status, stdout, stderr } = spawnSync(process.execPath, command, {
    cwd: folder,
    encoding: "utf8",
    env,
    input: "",
  });
  return { status, stdout, stderr };
}

const looks = ["whoami", "queues info inngest-events", "queues info inngest-events-dlq", "secret list json"];
const deeds = [
  "queues create inngest-events",
  "queues create inngest-events-dlq",
  "deploy",
  "secret put INNGEST_SIGNING_KEY",
  "secret put INNGEST_EVENT_KEY",
];

describe("an account with nothing in it", () => {
  test("it looks, says what it will do, and does nothing unless somebody agrees", () => {
    const { status, stdout, stderr } = deploy();
    expect({ status, stdout }).toEqual({ status: 2, stdout: "" });
    expect(stderr).toBe(`inngest deploy will, in the account Example (0123):
  queue   inngest-events: create
  queue   inngest-events-dlq: create
  Worker  inngest: deploy the platform of this package (${join(folder, ".inngest/deploy/wrangler.json")})
  secret  INNGEST_SIGNING_KEY: make a new one and show it once
  secret  INNGEST_EVENT_KEY: make a new one and show it once
inngest: Go on? Nobody can be asked here: repeat it with --yes
`);
    expect(read().calls).toEqual(looks);
  });

  test("--yes: queues first, then the Worker, then keys, which are shown with the address", () => {
    const { status, stdout } = deploy("--yes");
    expect(status).toBe(0);
    expect(read().calls).toEqual([...looks, ...deeds]);
    const { INNGEST_SIGNING_KEY: signing = "", INNGEST_EVENT_KEY: event = "" } = read().secrets;
    expect(signing).toMatch(/^signkey-prod-[0-9a-f]{64}$/);
    expect(event).toMatch(/^[\w-]{43}$/);
    expect(stdout).toContain(`inngest is deployed: https://inngest.ada.workers.dev\n`);
    expect(stdout).toContain(
      `\nINNGEST_SIGNING_KEY=${signing}\nINNGEST_EVENT_KEY=${event}\nINNGEST_BASE_URL=https://inngest.ada.workers.dev\n`,
    );
  });

  test("the keys of this machine's variables are set, and not shown", () => {
    Object.assign(env, { INNGEST_SIGNING_KEY: "signkey-test-aa", INNGEST_EVENT_KEY: "ek" });
    const { stdout, stderr } = deploy("--yes", "--json");
    expect(JSON.parse(stdout)).toEqual({
      worker: "inngest",
      urls: ["https://inngest.ada.workers.dev"],
      queues_created: ["inngest-events", "inngest-events-dlq"],
      keys_set: ["INNGEST_SIGNING_KEY", "INNGEST_EVENT_KEY"],
      keys_made: {},
    });
    expect(stderr).toContain("secret  INNGEST_SIGNING_KEY: set from the variable on this machine");
    expect(read().secrets).toEqual({ INNGEST_SIGNING_KEY: "signkey-test-aa", INNGEST_EVENT_KEY: "ek" });
  });
});

test("repeated, it deploys anew and leaves queues and keys as they are", () => {
  deploy("--yes");
  const { secrets } = account({ deployed: {} });
  const { status, stdout } = deploy("--yes");
  expect(status).toBe(0);
  expect(read().calls).toEqual([...looks, "deploy"]);
  expect(read().secrets).toEqual(secrets);
  expect(stdout).not.toContain("INNGEST_EVENT_KEY=");
});

test.each([...looks, ...deeds])("when `wrangler %s` fails it says so, and the next try carries on", (call) => {
  account({ fail: call });
  const failed = deploy("--yes");
  expect(failed.status).toBe(1);
  expect(failed.stderr).toMatch(/inngest: wrangler .* failed(: | \(exit code 1\): )/);
  expect(failed.stderr).toContain("A request to the Cloudflare API failed. [code: 10013]");
  const { secrets: before } = read();
  for (const [name, key] of Object.entries(before)) expect(failed.stderr).toContain(`${name}=${key}`); // shown now or never

  account({ fail: undefined });
  const { status, stdout } = deploy("--yes");
  expect(status).toBe(0);
  const { queues, deployed, secrets } = read();
  expect(queues).toEqual(["inngest-events", "inngest-events-dlq"]);
  expect(deployed).toMatchObject({ name: "inngest" });
  expect(Object.keys(secrets)).toEqual(["INNGEST_SIGNING_KEY", "INNGEST_EVENT_KEY"]);
  expect(secrets).toMatchObject(before);
  for (const [name, key] of Object.entries(secrets))
    if (!(name in before)) expect(stdout).toContain(`${name}=${key}\n`);
});

describe("what stands in the way is said with the remedy", () => {
  test("nobody is logged in", () => {
    account({ loggedIn: false });
    expect(deploy("--yes").stderr).toBe(
      "inngest: wrangler is not logged in; run: npx wrangler login, or set CLOUDFLARE_API_TOKEN\n",
    );
  });

  test("several accounts, of which none is chosen", () => {
    const accounts = ["a", "b"].map((id) => ({ id, name: `Account ${id}` }));
    account({ accounts });
    expect(deploy("--yes").stderr).toBe(
      "inngest: wrangler is logged in to 2 accounts; choose one by CLOUDFLARE_ACCOUNT_ID: a (Account a), b (Account b)\n",
    );
    Object.assign(env, { CLOUDFLARE_ACCOUNT_ID: "b" });
    expect(deploy("--yes").stderr).toContain("in the account Account b (b):");
  });

  test("a wrangler that is too old", () => {
    const old = "#!/bin/sh\necho 4.90.1\n";
    writeFileSync(join(folder, "bin/wrangler"), old);
    expect(deploy().stderr).toMatch(
      /^inngest: wrangler 4\.90\.1 is older than 4\.107, which is needed; run: npm install -D wrangler@4\.\d+\.\d+\n$/,
    );
  });
});

test("a Worker of the user's own configuration is deployed with its queues and keys", () => {
  const config = { name: "shop", main: "index.js", queues: { producers: [{ binding: "Q", queue: "shop-events" }] } };
  writeFileSync(join(folder, "index.js"), "export default {};");
  writeFileSync(join(folder, "wrangler.json"), JSON.stringify(config));
  const { status, stderr } = deploy("--yes", "--config", "wrangler.json");
  expect({ status, stderr }).toMatchObject({
    status: 0,
    stderr: expect.stringContaining("  queue   shop-events: create\n"),
  });
  expect(read().deployed).toMatchObject({ name: "shop" });
  expect(Object.keys(read().secrets)).toHaveLength(2);
});

test("--dry-run has the real wrangler check the Worker and its configuration, without login", () => {
  rmSync(join(folder, "bin/wrangler"));
  Object.assign(env, { WRANGLER_SEND_METRICS: "false", CI: "1" });
  const { status, stdout, stderr } = deploy("--dry-run", "--name", "staging", "-u", "https://a.example/api/inngest");
  expect({ status, stderr }).toMatchObject({ status: 0, stderr: expect.stringContaining("--dry-run: exiting now") });
  expect(stderr).toContain("  queue   staging-events: created unless it is there\n");
  expect(stderr).toMatch(/env\.INNGEST_EVENTS \(staging-events\)\s+Queue/);
  expect(JSON.parse(stdout)).toMatchObject({
    name: "staging",
    vars: { INNGEST_SDK_URL: "https://a.example/api/inngest" },
  });
});
