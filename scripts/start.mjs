/**
 * `npm start` on a fresh clone: installs, builds, starts the platform and the example app, sends one order through them
 * and shows each step as it completes. Both stay up until Ctrl-C.
 *
 * The state in `.inngest/` survives. Stopped in the middle of the order, or killed, the next start follows the same run.
 * PORT (8288) and APP_PORT (3000) move the two servers.
 *
 * Its first part runs under whatever Node the machine has (20 or newer), before anything is installed: built-ins only.
 */
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { existsSync, readFileSync, realpathSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { setTimeout as delay } from "node:timers/promises";
import { fileURLToPath } from "node:url";

export const root = fileURLToPath(new URL("..", import.meta.url));
const projectNode = join(root, "node_modules/.bin/node");
const minute = 60_000;

/** Runs `npm ci` when node_modules is missing or older than package-lock.json. */
export function installIfNeeded(directory = root) {
  const installed = join(directory, "node_modules/.package-lock.json");
  const locked = statSync(join(directory, "package-lock.json")).mtimeMs - 5_000; // npm writes both, in either order
  const isCurrent = existsSync(installed) && statSync(installed).mtimeMs >= locked;
  if (!isCurrent) run("Installing", "npm", ["ci", "--no-audit", "--no-fund"], directory);
}

function run(what, command, args, cwd = root) {
  console.log(`${what} …`);
  const { status, error } = spawnSync(command, args, { cwd, stdio: "inherit" });
  if (status !== 0) throw new Error(`${what} failed: ${command} ${args.join(" ")} (${error ?? `exit code ${status}`})`);
}

/** Goes on in the project's own Node: what follows runs TypeScript. */
function handOver() {
  const args = ["scripts/with-file-limit.sh", projectNode, fileURLToPath(import.meta.url)];
  const child = spawn("sh", args, { cwd: root, stdio: "inherit" });
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) process.on(signal, () => child.kill(signal));
  child.once("exit", (code) => process.exit(code ?? 1));
}

const port = process.env.PORT || "8288";
const platformUrl = `http://127.0.0.1:${port}`;
const stateDir = join(root, ".inngest");
const demoFile = join(stateDir, "demo.json");
const children = [];
let isStopping = false;

async function main() {
  installIfNeeded();
  if (!process.version.startsWith("v24.")) return handOver();
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) process.on(signal, () => void stop(0));
  run("Building", "npm", ["run", "--silent", "build"]);

  const platform = startChild("The platform", ["dist/cli/main.js", "dev"], {
    env: { PORT: port, INNGEST_STATE: stateDir },
    stdio: ["ignore", "pipe", "inherit"],
  });
  const [line] = await within(minute, "The platform's ready line", once(createInterface(platform.stdout), "line"));
  console.log(`Platform ${line}`);

  startChild("The example app", ["examples/hono/server.ts"], {
    env: { INNGEST_BASE_URL: platformUrl },
    stdio: "inherit",
  });
  const slug = "shop-process-order";
  await poll(minute, `Registration of ${slug}`, async () => {
    const { functions } = await get("/dev");
    return functions.some((known) => known.slug === slug);
  });
  console.log(`Registered ${slug}`);

  await followOrder();
  console.log("Both servers stay up until Ctrl-C");
}

/** Sends an order, or takes up the one that an earlier start left unfinished, and follows its run to the end. */
async function followOrder() {
  const { eventId, orderId } = (await unfinishedOrder()) ?? (await newOrder());
  const runs = `/v1/events/${eventId}/runs`;
  const runId = await poll(minute, `A run for event ${eventId}`, async () => (await get(runs)).data[0]?.run_id);
  const runUrl = `${platformUrl}/runs/${runId}`;
  console.log(`Run ${runId}`);

  const seen = new Set();
  for (let isOver = false; !isOver;) {
    // A lost call is noticed after 25 s and retried up to 45 s later: two minutes without a change are too many.
    const { run, news } = await poll(2 * minute, `Progress of the run (${runUrl})`, async () => {
      const { data } = await get(`/v1/runs/${runId}`);
      const changed = data.steps.filter(({ id, status }) => isWorthALine(status) && !seen.has(id + status));
      return changed.length > 0 || isEnded(data) ? { run: data, news: changed } : undefined;
    });
    for (const { id, status } of news) {
      seen.add(id + status);
      console.log(`  ${id}: ${status}`);
      if (id === "approval" && status === "waiting") await send("order/approved", { orderId, by: "npm start" });
    }
    isOver = isEnded(run);
    if (isOver) console.log(`Run ${run.status}: ${JSON.stringify(run.output)}`);
  }
  console.log(`Look at it: ${runUrl}`);
}

async function newOrder() {
  const orderId = `order-${Date.now()}`;
  const eventId = await send("order/created", { orderId, amount: 42 });
  writeFileSync(demoFile, JSON.stringify({ eventId, orderId }));
  return { eventId, orderId };
}

async function unfinishedOrder() {
  if (!existsSync(demoFile)) return undefined;
  const order = JSON.parse(readFileSync(demoFile, "utf8"));
  const answer = await fetch(`${platformUrl}/v1/events/${order.eventId}/runs`);
  if (!answer.ok) return undefined; // an event of a state that was deleted
  const [run] = (await answer.json()).data;
  if (run !== undefined && isEnded(run)) return undefined;
  console.log(`Carrying on with ${order.orderId}`);
  return order;
}

const isWorthALine = (status) => ["completed", "failed", "waiting"].includes(status);
const isEnded = (run) => ["Completed", "Failed", "Cancelled"].includes(run.status);

async function send(name, data) {
  const answer = await fetch(`${platformUrl}/e/dev`, { method: "POST", body: JSON.stringify({ name, data }) });
  const body = await answer.json();
  if (!answer.ok) throw new Error(`Sending ${name} failed: ${answer.status} ${JSON.stringify(body)}`);
  console.log(`Sent ${name} (event ${body.ids[0]})`);
  return body.ids[0];
}

async function get(path) {
  const answer = await fetch(platformUrl + path);
  if (!answer.ok) throw new Error(`GET ${path} answered ${answer.status} ${await answer.text()}`);
  return answer.json();
}

/** Asks until the answer is neither undefined nor false. An error is an answer not yet; the last one is reported. */
async function poll(limitMs, what, ask) {
  let last;
  for (const end = Date.now() + limitMs; Date.now() < end; await delay(100)) {
    try {
      const answer = await ask();
      if (answer !== undefined && answer !== false) return answer;
      last = undefined;
    } catch (error) {
      last = error;
    }
  }
  throw new Error(`${what} did not come within ${limitMs / 1000} s${last ? ` (${last.cause ?? last})` : ""}`);
}

async function within(limitMs, what, promise) {
  const timer = new AbortController();
  const late = delay(limitMs, undefined, { signal: timer.signal }).then(() => {
    throw new Error(`${what} did not come within ${limitMs / 1000} s`);
  });
  late.catch(() => {}); // aborted when the promise was in time
  return Promise.race([promise, late]).finally(() => timer.abort());
}

function startChild(name, args, { env, stdio }) {
  const child = spawn(process.execPath, args, { cwd: root, env: { ...process.env, ...env }, stdio });
  children.push(child);
  child.once("exit", (code, signal) => {
    if (isStopping) return;
    if (signal === "SIGINT") return void stop(0); // Ctrl-C reaches it first
    console.error(`${name} ended (${signal ?? `exit code ${code}`})`);
    void stop(1);
  });
  return child;
}

async function stop(code) {
  if (isStopping) return;
  isStopping = true;
  await Promise.all(children.map(stopChild));
  process.exit(code);
}

async function stopChild(child) {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exit = once(child, "exit");
  child.kill("SIGTERM");
  await within(10_000, "The end of a child", exit).catch(() => child.kill("SIGKILL"));
}

if (process.argv[1] !== undefined && realpathSync(process.argv[1]) === fileURLToPath(import.meta.url)) {
  main().catch((error) => {
    console.error(error.message + (error.cause ? ` (${error.cause})` : ""));
    void stop(1);
  });
}
