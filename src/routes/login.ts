import { Hono, type Context } from "hono";
import { HTTPException } from "hono/http-exception";
import { serialize } from "hono/utils/cookie";
import * as z from "zod";
import { SIGN_IN_MS } from "../protocol/limits.ts";
import { signInToken, type Role } from "../protocol/sign-in-token.ts";
import { noteAction } from "./audit.ts";
import { readBody } from "./body.ts";
import { envelope } from "./envelope.ts";
import { checkFields, parseJson } from "./fields.ts";
import { checkSigningKey, type Settings, type SettingsSource } from "./guard.ts";
import { iso } from "./iso.ts";
import { checkOrigin } from "./may.ts";
import { cameIn, roleOf, signInCookie, whoAsks, type Who } from "./who.ts";

const NAME_MAX_CHARS = 100;
const EXAMPLE = '{"key":"<signing key>","name":"Ada"}';
const FORM_TYPE = "application/x-www-form-urlencoded";

export const signInSchema = z.object({
  key: z.string("must be the signing key, or a key that may look").trim().min(1, "must not be empty"),
  name: z
    .string("must be a text")
    .trim()
    .max(NAME_MAX_CHARS, `has at most ${NAME_MAX_CHARS} characters`)
    // oxlint-disable-next-line no-control-regex -- it is shown in lists
    .regex(/^[^\x00-\x1f\x7f]*$/, "must have no control characters")
    .default(""),
  /** where a form goes on to; a path of this host */
  next: z.string().optional(),
});

/**
 * People sign in with a key, and their browser keeps a cookie in place of it. Nothing counts attempts: a key is too long to
 * be guessed, and who counts can be made to lock people out.
 *
 * @param home where the dashboard stands; null without one, since other paths are the app's
 */
export function loginRoutes(settings: SettingsSource, home: string | null): Hono {
  const app = new Hono();
  for (const path of ["/v1/session", ...(home === null ? [] : [`${home}/login`])]) app.post(path, signIn);
  if (home !== null) app.post(`${home}/logout`, signOut);
  app.delete("/v1/session", signOut);

  app.get("/v1/session", async (c) => {
    c.header("cache-control", "no-store");
    return c.json(envelope(sessionView(await checkSigningKey(c.req.raw, settings()))));
  });
  return app;

  async function signIn(c: Context): Promise<Response> {
    checkOrigin(c.req.raw, "may");
    const isForm = c.req.header("content-type")?.startsWith(FORM_TYPE) ?? false;
    const text = await readBody(c.req.raw);
    const fields = isForm ? Object.fromEntries(new URLSearchParams(text)) : parseJson(text || "{}", EXAMPLE);
    if (typeof fields !== "object" || fields === null)
      throw new HTTPException(400, { message: `the body must be a JSON object such as ${EXAMPLE}` });
    const { key, name, next } = checkFields(fields, signInSchema);
    c.header("cache-control", "no-store");
    const who = await comeIn(c, settings(), key, name);
    cameIn(c.req.raw, who);
    noteAction(c.req.raw, "signed in");
    return isForm ? c.redirect(ownPath(next) ?? `${home ?? ""}/`, 303) : c.json(envelope(sessionView(who)));
  }

  async function signOut(c: Context): Promise<Response> {
    checkOrigin(c.req.raw, "may");
    await whoAsks(c.req.raw, settings()).catch(() => null); // whose sign-in is over already has nothing to lose
    noteAction(c.req.raw, "signed out");
    keepCookie(c, "", 0);
    c.header("cache-control", "no-store");
    const isForm = c.req.header("content-type")?.startsWith(FORM_TYPE) ?? false;
    return isForm ? c.redirect(`${home ?? ""}/`, 303) : c.json(envelope(null));
  }
}

/**
 * Signs with the very key that was shown: once it is no key of the platform any more, neither is what it has signed.
 *
 * @throws HTTPException 401 for a key that is none, 503 without one to compare with
 */
async function comeIn(
  c: Context,
  { isDev, signingKeys, readKeys = [] }: Settings,
  key: string,
  name: string,
): Promise<Who> {
  if (isDev) return { by: "dev", role: "writer", name: "dev mode", expiresAt: null, isAmbient: false };
  if (signingKeys.length === 0)
    throw new HTTPException(503, { message: "no signing key is configured: set the secret INNGEST_SIGNING_KEY" });
  const keys: [Role, string][] = [
    ...signingKeys.map((one): [Role, string] => ["writer", one]),
    ...readKeys.map((one): [Role, string] => ["reader", one]),
  ];
  for (const [role, one] of keys) {
    if (!(await roleOf(`Bearer ${key}`, { writer: [one], reader: [] }))) continue;
    const expiresAt = Math.floor((Date.now() + SIGN_IN_MS) / 1000) * 1000;
    keepCookie(c, await signInToken({ role, name, expiresAt }, one), SIGN_IN_MS / 1000);
    const called = name || (role === "writer" ? "signing key" : "read key");
    return { by: "session", role, name: called, expiresAt, isAmbient: true };
  }
  throw new HTTPException(401, {
    message: "key: it is none of this platform's; INNGEST_SIGNING_KEY, its fallback and INNGEST_READ_KEY are",
  });
}

/** Strict: the page itself shows nothing, and what it then asks for comes from itself. */
function keepCookie(c: Context, value: string, seconds: number): void {
  const { name, isSecure } = signInCookie(c.req.raw);
  c.header(
    "set-cookie",
    serialize(name, value, { path: "/", httpOnly: true, secure: isSecure, sameSite: "Strict", maxAge: seconds }),
  );
}

/** Undefined for what leads elsewhere. */
function ownPath(next: string | undefined): string | undefined {
  return next !== undefined && /^\/[^/\\]/.test(next) && !/[\r\n]/.test(next) ? next : undefined;
}

function sessionView({ by, role, name, expiresAt }: Who) {
  return { by, role, name, expires_at: expiresAt === null ? null : iso(expiresAt) };
}
