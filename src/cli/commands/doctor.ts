/** `inngest doctor`: what is wrong between this machine, a platform and its apps, and how to set it right. */
import { exitCodes } from "../exit-codes.ts";
import type { CommandLine } from "../command-line.ts";
import { headers } from "../../protocol/headers.ts";
import { version } from "../../sdk/version.ts";
import { coloured, plain, print, printJson } from "../output.ts";
import { Away, path, platformOf, Refusal, withTarget, type Platform, type TargetOptions } from "../platform.ts";
import { durationText } from "../times.ts";
import { installedVersion, verifiedVersion } from "../tools.ts";
import type { AppView } from "./apps.ts";

interface Finding {
  check: string;
  status: "ok" | "warning" | "fail" | "unknown";
  says: string;
  /** what to do */
  fix: string | null;
}

/** Signatures of calls and syncs are refused when they are older (inngest-protocol §4.1). */
const SKEW_MAX_MS = 5 * 60_000;
const SKEW_WARNING_MS = 30_000;

export function addDoctor(program: CommandLine): void {
  withTarget(program.command("doctor"))
    .description("check this machine, the platform, keys, clocks and apps, and say what to do")
    .action(async (options: TargetOptions) => {
      const findings = await examine(platformOf(options));
      if (options.json) printJson(findings);
      else for (const finding of findings) show(finding);
      if (findings.some(({ status }) => status === "fail")) process.exitCode = exitCodes.failed;
    });
}

function show({ check, status, says, fix }: Finding): void {
  print(`${coloured(status)}${" ".repeat(9 - status.length)}${check}: ${plain(says)}`);
  if (fix !== null) print(`${" ".repeat(9)}→ ${plain(fix)}`);
}

async function examine(platform: Platform): Promise<Finding[]> {
  const findings = [nodeVersion(), wrangler(), runtime()];
  const health = await reach(platform);
  findings.push(...health.findings);
  if (!health.isThere) return findings;
  const { isDev } = health;
  const signing = await signingKey(platform, isDev);
  findings.push(signing.finding, await eventKey(platform, isDev));
  if (signing.now !== null) findings.push(clock(signing.now));
  if (signing.apps !== null) {
    findings.push(...apps(signing.apps));
    findings.push(await objects(platform), await dashboard(platform), await parked(platform), await paused(platform));
  }
  return findings;
}

// ---- this machine ---------------------------------------------------------------------------------------------------

function nodeVersion(): Finding {
  const { node } = process.versions;
  const isNew = Number.parseInt(node, 10) >= 22;
  return isNew
    ? ok("node", `Node ${node}`)
    : warning("node", `Node ${node}: inngest dev and wrangler need Node 22`, "install Node 22 or newer");
}

function wrangler(): Finding {
  const found = installedVersion("wrangler");
  if (found?.startsWith("4.")) return ok("wrangler", `wrangler ${found}`);
  const says = found === undefined ? "wrangler is not installed here" : `wrangler ${found} is of another generation`;
  return warning(
    "wrangler",
    `${says}; inngest deploy needs it`,
    `npm install -D wrangler@${verifiedVersion("wrangler")}`,
  );
}

function runtime(): Finding {
  const found = installedVersion("miniflare");
  if (found?.startsWith("5.")) return ok("runtime", `miniflare ${found}`);
  return ok("runtime", "miniflare is not installed here; inngest dev fetches it when it is needed");
}

// ---- the platform ---------------------------------------------------------------------------------------------------

interface Health {
  isThere: boolean;
  isDev: boolean;
  findings: Finding[];
}

async function reach(platform: Platform): Promise<Health> {
  const gone = (says: string, fix: string | null): Health => ({
    isThere: false,
    isDev: false,
    findings: [fail("platform", says, fix)],
  });
  const startedAt = performance.now();
  let answer: Response;
  try {
    answer = await platform.request("GET", "/health");
  } catch (error) {
    if (!(error instanceof Error)) throw error;
    const [says = "", fix = null] = error.message.split("; ", 2);
    return gone(says, error instanceof Away ? fix : "say where the platform is: --url or INNGEST_BASE_URL");
  }
  const tookMs = performance.now() - startedAt;
  const health = (await answer.json().catch(() => ({}))) as { version?: string };
  if (!answer.headers.has(headers.dotdo))
    return gone(
      `${platform.url} answers, but not as a platform of @dotdo/inngest`,
      "say where the platform is: --url or INNGEST_BASE_URL",
    );
  const isDev = answer.headers.get(headers.serverKind) === "dev";
  const mode = isDev ? "dev mode: no keys, this machine only" : "deployed: keys are asked for";
  const findings = [
    ok("platform", `${platform.url} answers in ${durationText(tookMs)}`),
    ok("mode", mode),
    health.version === version
      ? ok("version", `platform and command are ${version}`)
      : warning(
          "version",
          `the platform is ${health.version}, this command ${version}`,
          "use the same version of @dotdo/inngest on both sides",
        ),
  ];
  return { isThere: true, isDev, findings };
}

interface Signing {
  finding: Finding;
  /** null: they could not be read */
  apps: AppView[] | null;
  /** the platform's clock, and how long the answer took */
  now: { platformAt: number; hereAt: number } | null;
}

async function signingKey(platform: Platform, isDev: boolean): Promise<Signing> {
  try {
    const sentAt = Date.now();
    const { data, metadata } = await platform.get<{ data: AppView[]; metadata: { fetched_at: string } }>("/v1/apps");
    const hereAt = (sentAt + Date.now()) / 2;
    const finding = isDev
      ? ok("signing key", "none is asked for in dev mode")
      : ok("signing key", "the platform takes it");
    return { finding, apps: data, now: { platformAt: Date.parse(metadata.fetched_at), hereAt } };
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    return { finding: keyFinding(platform, error), apps: null, now: null };
  }
}

function keyFinding(platform: Platform, { status, message }: Refusal): Finding {
  if (status === 503)
    return fail(
      "signing key",
      "the platform has none, so it answers nobody",
      "npx wrangler secret put INNGEST_SIGNING_KEY",
    );
  if (status !== 401) return fail("signing key", message, null);
  return platform.key === null
    ? fail("signing key", "the platform asks for it, and none was given", "--key <key>, or INNGEST_SIGNING_KEY")
    : fail(
        "signing key",
        "the platform does not take this one",
        "give the platform's, or change it there: npx wrangler secret put INNGEST_SIGNING_KEY; apps need the same",
      );
}

/** A list without an event is refused for being empty, but not before the key has been looked at. */
async function eventKey(platform: Platform, isDev: boolean): Promise<Finding> {
  const key = process.env.INNGEST_EVENT_KEY || null;
  if (isDev) return ok("event key", "any is taken in dev mode");
  if (key === null)
    return unknown("event key", "INNGEST_EVENT_KEY is not set here, so it was not tried", "set it to have it checked");
  try {
    await platform.post(path`/e/${key}`, []);
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    if (error.status === 503)
      return fail(
        "event key",
        "the platform has none, so it takes no events",
        "npx wrangler secret put INNGEST_EVENT_KEY",
      );
    if (error.status === 401)
      return fail(
        "event key",
        "the platform does not take that of INNGEST_EVENT_KEY",
        "give apps one of the platform's, or add it there, separated by a comma: npx wrangler secret put INNGEST_EVENT_KEY",
      );
  }
  return ok("event key", "the platform takes that of INNGEST_EVENT_KEY");
}

function clock({ platformAt, hereAt }: NonNullable<Signing["now"]>): Finding {
  const skewMs = Math.abs(platformAt - hereAt);
  const says = `this machine's differs from the platform's by ${durationText(skewMs)}`;
  if (skewMs >= SKEW_MAX_MS)
    return fail(
      "clock",
      `${says}: signatures are refused after 5 minutes`,
      "set the clock by NTP: timedatectl set-ntp true",
    );
  return skewMs >= SKEW_WARNING_MS
    ? warning("clock", says, "set the clock by NTP: timedatectl set-ntp true")
    : ok("clock", says);
}

// ---- what runs there ------------------------------------------------------------------------------------------------

function apps(found: readonly AppView[]): Finding[] {
  if (found.length === 0)
    return [warning("apps", "none is registered", "inngest apps sync http://localhost:3000/api/inngest")];
  return found.map((app) => {
    const name = `app ${app.id ?? app.url}`;
    if (app.error) return fail(name, app.error.message, app.url === null ? null : `then: inngest apps sync ${app.url}`);
    const count = app.function_count === 1 ? "1 function" : `${app.function_count} functions`;
    return app.function_count === 0
      ? warning(name, "it has no functions", "give them to its serve(), and sync it again")
      : ok(name, `${count}, at ${app.url ?? "the platform's own Worker"}`);
  });
}

/** Objects and what asks them; RegistryDO has answered with the apps. */
const READERS = { HistoryDO: "/v1/events?limit=1", ConnectDO: "/v1/connections", ConcurrencyDO: "/v1/lines" } as const;

/** A class that the Worker's module does not export, or its configuration does not declare, fails whoever asks it. */
async function objects(platform: Platform): Promise<Finding> {
  const failing: string[] = [];
  for (const [name, route] of Object.entries(READERS)) {
    const answer = await platform.send("GET", route);
    await answer.body?.cancel();
    if (answer.status >= 500) failing.push(name);
  }
  return failing.length === 0
    ? ok("objects", "those that keep events, lines and connections answer")
    : fail(
        "objects",
        `no answer of ${failing.join(", ")}`,
        "the Worker must export each class, and declare it as [exports.<class>]: docs/configuration.md; its log says more: npx wrangler tail",
      );
}

/** Where it may stand: alone, or beside an app. */
async function dashboard(platform: Platform): Promise<Finding> {
  for (const path of ["/runs", "/inngest/runs"]) {
    const answer = await platform.send("GET", path, { headers: { accept: "text/html" } });
    await answer.body?.cancel();
    const isPage = answer.ok && answer.headers.get("content-type")?.startsWith("text/html");
    if (isPage) return ok("dashboard", platform.url + path.replace(/runs$/, ""));
  }
  return warning(
    "dashboard",
    "there is none at / or /inngest",
    "bind the assets in dist/dashboard of @dotdo/inngest as INNGEST_DASHBOARD: docs/dashboard.md",
  );
}

async function parked(platform: Platform): Promise<Finding> {
  const { data } = await platform.get<{ data: { log: string; from: number; error: string; event_ids: string[] }[] }>(
    "/v1/parked",
  );
  const count = data.reduce((sum, { event_ids: ids }) => sum + ids.length, 0);
  const [first] = data;
  if (first === undefined) return ok("events", "all that were accepted have been routed");
  return fail(
    "events",
    `${count} could not be routed: ${first.error}`,
    `once that is mended: curl -X POST ${platform.url}/v1/parked/${first.log}/${first.from}/route`,
  );
}

async function paused(platform: Platform): Promise<Finding> {
  const { data } = await platform.get<{ data: { slug: string; paused: object | null }[] }>("/v1/functions");
  const names = data.filter((fn) => fn.paused !== null).map((fn) => fn.slug);
  const [first] = names;
  if (first === undefined) return ok("functions", `none of ${data.length} is paused`);
  return warning("functions", `paused: ${names.join(", ")}`, `inngest functions resume ${first}`);
}

function ok(check: string, says: string): Finding {
  return { check, status: "ok", says, fix: null };
}

function warning(check: string, says: string, fix: string): Finding {
  return { check, status: "warning", says, fix };
}

function unknown(check: string, says: string, fix: string): Finding {
  return { check, status: "unknown", says, fix };
}

function fail(check: string, says: string, fix: string | null): Finding {
  return { check, status: "fail", says, fix };
}
