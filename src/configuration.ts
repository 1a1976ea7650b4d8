/**
 * Every variable and binding that the platform, an app or the command line reads: the source of docs/configuration.md.
 * A test compares the lists with the code, in both directions.
 */
export interface Setting {
  /** what it does, and what happens without it */
  says: string;
  /** what holds when it is not set */
  default: string;
}

type Settings = Record<string, Setting>;

/** Variables and secrets of the platform Worker; `settings.ts` reads no others. */
export const platformVariables = {
  INNGEST_EVENT_KEY: {
    says: "Keys that may send events, separated by commas; the last part of `POST /e/<key>`. A secret. Without one a deployed platform answers 503 to every event",
    default: "none; in dev mode every key is taken",
  },
  INNGEST_SIGNING_KEY: {
    says: "Signs calls to apps, and is the bearer of every API but `/e/…` and `/health`. A secret. Without one a deployed platform answers 503",
    default: "none; in dev mode nothing is signed and nobody is asked",
  },
  INNGEST_SIGNING_KEY_FALLBACK: {
    says: "A second key that the platform's API and the apps still accept, while keys are being changed. A secret",
    default: "none",
  },
  INNGEST_READ_KEY: {
    says: "Keys that may look at everything and change nothing, separated by commas: as bearer and to sign in to the dashboard. Make them as long as a signing key (`openssl rand -hex 32`). A secret",
    default: "none: who may look may act",
  },
  INNGEST_ACCESS_TEAM: {
    says: "Name or domain of your team at Cloudflare Access, such as `acme` or `acme.cloudflareaccess.com`: who comes through Access is signed in by it. Needs `INNGEST_ACCESS_AUD`",
    default: "none: tokens of Access are not looked at",
  },
  INNGEST_ACCESS_AUD: {
    says: "Tags (AUD) of the applications at Cloudflare Access whose tokens count, separated by commas",
    default: "none",
  },
  INNGEST_ACCESS_WRITERS: {
    says: "Who of those that come through Cloudflare Access may act, separated by commas: addresses, `*@acme.com`, names (client ids) of service tokens, or `*` for everybody",
    default: "none: they look",
  },
  INNGEST_DEV: {
    says: "Dev mode: no keys, nothing signed, calls to private addresses allowed. Only requests whose Host, and Origin if there is one, are loopback are answered. Put it into `.dev.vars`, never into `[vars]`. `0`, `false` and nothing mean off, everything else on",
    default: "off",
  },
  INNGEST_MCP_WRITE: {
    says: "Whether coding agents may act at `/mcp`: send events, invoke functions, cancel and rerun runs. `0`, `false` mean no, everything else yes; those who may only look never act",
    default: "in dev mode yes, deployed no: the tools that change something are not there",
  },
  INNGEST_OPEN_FILES: {
    says: "How many files the runtime may have open; `inngest dev` sets it when its own limit is below 4,096. Fewer runs are then started at a time",
    default: "no bound, as on Cloudflare",
  },
  INNGEST_RETENTION: {
    says: "How long ended runs and their events are kept, at least 7 days: a duration, or several separated by commas by how runs have ended: `30d, COMPLETED=7d, FAILED=90d` (also `CANCELLED`, `SKIPPED`). `createWorker({ retention })` wins",
    default: "30 days",
  },
  INNGEST_SDK_URL: {
    says: "URLs at which apps serve their functions, separated by commas. The Worker's cron asks each of them once a minute and registers what it answers, so that a deployed app is known without a call of its own",
    default: "none: apps register themselves, or `POST /v1/apps/sync` names them",
  },
} as const satisfies Settings;

/** What `settings.ts` may read: a variable that is not documented does not compile. */
export type PlatformVariable = keyof typeof platformVariables;

/** Bindings and triggers of the platform Worker's wrangler configuration. */
export const platformBindings = {
  INNGEST_EVENTS: {
    says: "Queue producer; the same Worker is the queue's consumer. Carries accepted events to their functions. What it loses is sent again from the log",
    default: "without it the log's own alarm delivers: nothing is lost, but a busy log delivers by itself",
  },
  INNGEST_DASHBOARD: {
    says: "Workers static assets: the directory `dist/dashboard` of this package, with `run_worker_first`. The dashboard's page and files, which stand where `createWorker`'s `dashboard` says",
    default: "without it there is no dashboard",
  },
  StepDO: {
    says: "Durable Object with SQLite, one per run: journal, retries, sleeps, outcome",
    default: "required",
  },
  EventDO: {
    says: "Durable Object with SQLite, one per awaited event name and 16 for event ids: waits, and which event of an id came first",
    default: "required",
  },
  ConcurrencyDO: {
    says: "Durable Object with SQLite, one per key of a flow-control rule: leases and their line, what is counted or collected",
    default: "required",
  },
  RegistryDO: {
    says: "Durable Object with SQLite, one: apps, functions, schedules",
    default: "required",
  },
  HistoryDO: {
    says: "Durable Object with SQLite, four a day: accepted events, index of runs",
    default: "required",
  },
  ChannelDO: {
    says: "Durable Object with SQLite, one per realtime channel in use: its subscribers' sockets. Holds no messages",
    default: "required for realtime",
  },
  ConnectDO: {
    says: "Durable Object with SQLite, one: the sockets of workers that dial in, and the calls that they have",
    default: "required for workers that dial in",
  },
  HttpCall: {
    says: "Entrypoint that the Worker's module exports; needs no line in wrangler.toml. Each call to an app leaves from it",
    default: "required to call apps over HTTP",
  },
  "* * * * *": {
    says: "Cron trigger. Every minute: registers the functions of a new version, wakes what an alarm forgot, syncs the apps of `INNGEST_SDK_URL`",
    default: "without it runs whose alarm the platform lost stay asleep, and schedules that were lost stay lost",
  },
} as const satisfies Settings;

/** Variables of an app: of the process, of the Worker, or given to `client.setEnvVars`; empty counts as unset. */
export const appVariables = {
  INNGEST_DEV: {
    says: "Development: nothing is signed, no key is needed, and the platform is on this machine. A URL also says where. Values that are neither yes, no nor a URL are refused",
    default: "off",
  },
  INNGEST_BASE_URL: {
    says: "Where the platform is, for events and for everything else",
    default: "`http://localhost:8288` in development, Inngest's cloud otherwise",
  },
  INNGEST_API_BASE_URL: {
    says: "Where the app registers, and reads state that was too large for a call",
    default: "`INNGEST_BASE_URL`, else `https://api.inngest.com`",
  },
  INNGEST_EVENT_API_BASE_URL: {
    says: "Where events are sent",
    default: "`INNGEST_BASE_URL`, else `https://inn.gs`",
  },
  INNGEST_EVENT_KEY: {
    says: "Permits sending events. `client.send` throws without it",
    default: "none; not needed in development, nor inside the platform's Worker",
  },
  INNGEST_SIGNING_KEY: {
    says: "Proves that a call comes from the platform, and registers the app. Without it calls are refused",
    default: "none; not needed in development, nor inside the platform's Worker",
  },
  INNGEST_SIGNING_KEY_FALLBACK: {
    says: "Also accepted, while keys are being changed",
    default: "none",
  },
  INNGEST_ENV: {
    says: "Name of the branch environment, sent with every request (`x-inngest-env`). On this platform it begins with the first event or sync that names it, and shares nothing with the others; functions inside the platform's own Worker live in `main`. A platform whose signing key is one of production (`signkey-prod-…`) takes no notice of it, as Inngest's does",
    default:
      "`BRANCH_NAME`, `VERCEL_GIT_COMMIT_REF`, `BRANCH`, `CF_PAGES_BRANCH`, `RENDER_GIT_BRANCH`, `RAILWAY_GIT_BRANCH`, the first that is set",
  },
  BRANCH_NAME: { says: "Branch, when `INNGEST_ENV` does not say", default: "none" },
  VERCEL_GIT_COMMIT_REF: { says: "Branch, set by Vercel", default: "none" },
  BRANCH: { says: "Branch, set by Netlify", default: "none" },
  CF_PAGES_BRANCH: { says: "Branch, set by Cloudflare Pages", default: "none" },
  RENDER_GIT_BRANCH: { says: "Branch, set by Render", default: "none" },
  RAILWAY_GIT_BRANCH: { says: "Branch, set by Railway", default: "none" },
  INNGEST_SERVE_ORIGIN: {
    says: "Origin at which the platform reaches the app, such as `https://app.example.com`, when a proxy hides it",
    default: "the origin of the request",
  },
  INNGEST_SERVE_HOST: { says: "Older name of `INNGEST_SERVE_ORIGIN`, which wins", default: "none" },
  INNGEST_SERVE_PATH: {
    says: "Path at which the platform reaches the app",
    default: "the path of the request; `/api/inngest` with `createServer` of the Node adapter",
  },
  INNGEST_STREAMING: {
    says: "Answer calls by a stream that starts at once: `true` or `force`, `allow` (where the adapter can), `false`",
    default: "`false`",
  },
  INNGEST_ALLOW_IN_BAND_SYNC: {
    says: "`0`, `false`, `no` or `off`: a signed sync makes the app register itself instead of answering with its functions",
    default: "on",
  },
  INNGEST_ENABLE_UNAUTHED_SYNC: {
    says: "`0`, `false`, `no` or `off`: outside development, PUT without a signature is refused instead of making the app register itself",
    default: "on",
  },
  INNGEST_CONNECT_MAX_WORKER_CONCURRENCY: {
    says: "Calls that a worker of `connect` executes at the same time",
    default: "as many as come",
  },
  INNGEST_CONNECT_GATEWAY_URL: {
    says: "Where a worker of `connect` dials, in place of what the platform says",
    default: "what the platform says",
  },
  INNGEST_SESSION_PROPAGATION: {
    says: "`0`, `false`, `no` or `off`: events sent inside a run, and functions that it invokes, do not inherit its sessions, and handlers are not given them",
    default: "on",
  },
  NEXT_PUBLIC_INNGEST_DEV: { says: "`INNGEST_DEV`, in code that Next.js bundles for browsers", default: "none" },
  NEXT_PUBLIC_INNGEST_BASE_URL: {
    says: "`INNGEST_BASE_URL`, in code that Next.js bundles for browsers",
    default: "none",
  },
  REACT_APP_INNGEST_DEV: { says: "`INNGEST_DEV`, in code that Create React App bundles", default: "none" },
  REACT_APP_INNGEST_BASE_URL: { says: "`INNGEST_BASE_URL`, in code that Create React App bundles", default: "none" },
  STRIPE_WEBHOOK_SECRET: {
    says: "Read by `stripe()` of `@dotdo/inngest/webhooks`",
    default: "none: deliveries are refused",
  },
  GITHUB_WEBHOOK_SECRET: {
    says: "Read by `github()` of `@dotdo/inngest/webhooks`",
    default: "none: deliveries are refused",
  },
  SLACK_SIGNING_SECRET: {
    says: "Read by `slack()` of `@dotdo/inngest/webhooks`",
    default: "none: deliveries are refused",
  },
} as const satisfies Settings;

/** Variables of the command line; flags are in its usage text. */
export const commandVariables = {
  PORT: { says: "Port, when `--port` does not say", default: "8288" },
  INNGEST_STATE: { says: "Directory of the state, when `--state` does not say", default: "`.inngest`" },
  INNGEST_WORKER: {
    says: "Entry file of another Worker to run, such as one that holds app and engine; the nearest wrangler configuration above it is used",
    default: "the platform alone",
  },
  INNGEST_BASE_URL: {
    says: "The platform that commands ask, when `--url` does not say",
    default: "`http://127.0.0.1:8288`, where `inngest dev` is",
  },
  INNGEST_SIGNING_KEY: {
    says: "Its signing key, when `--key` does not say. `inngest deploy` gives it to a Worker that has none",
    default: "none; a platform in dev mode asks for none",
  },
  INNGEST_EVENT_KEY: {
    says: "With it `inngest events send` sends, and `inngest doctor` tries it. `inngest deploy` gives it to a Worker that has none",
    default: "none; events are sent under the signing key",
  },
  INNGEST_ENV: { says: "Branch environment, when `--env` does not say", default: "`main`" },
  CLOUDFLARE_ACCOUNT_ID: {
    says: "Wrangler's: the account to deploy to, where its login has several",
    default: "the one that there is",
  },
} as const satisfies Settings;

/** Variables of Inngest's SDK that nothing here reads, and why. */
export const unreadVariables = {
  INNGEST_CONNECT_ISOLATE_EXECUTION: "a worker's connection is always in the thread of its code",
  OPENAI_API_KEY: "this version has no `step.ai.infer`",
  ANTHROPIC_API_KEY: "this version has no `step.ai.infer`",
  GEMINI_API_KEY: "this version has no `step.ai.infer`",
} as const satisfies Record<string, string>;
