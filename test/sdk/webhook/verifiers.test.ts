import { createHmac } from "node:crypto";
import { describe, expect, test } from "vitest";
import {
  github,
  hmac,
  slack,
  standardWebhooks,
  stripe,
  type UnverifiedDelivery,
  type Verifier,
} from "../../../src/sdk/webhook/index.ts";

type Given = { headers: Record<string, string>; body: string; at: number; variables?: Record<string, string> };

function verify(verifier: Verifier, { headers, body, at, variables = {} }: Given) {
  const delivery: UnverifiedDelivery = {
    method: "POST",
    headers: new Headers(headers),
    query: new URLSearchParams(),
    bytes: Uint8Array.from(new TextEncoder().encode(body)),
    now: at,
    variable: (name) => variables[name],
  };
  return verifier(delivery);
}

/** Independent of the code under test: Node's own HMAC. */
const mac = (
  key: string | Uint8Array,
  text: string,
  encoding: "hex" | "base64" | "base64url" = "hex",
  hash = "sha256",
) => createHmac(hash, key).update(text).digest(encoding);

const genuine = (deliveryId: unknown = expect.any(String)) => ({ kind: "genuine", deliveryId });
const refused = (why: RegExp) => ({ kind: "refused", why: expect.stringMatching(why) });
const FIVE_MINUTES = 300_000;

interface Provider {
  name: string;
  verifier: (secret: any, tolerance?: string) => Verifier;
  secret: string;
  /** another secret that could be right */
  other: string;
  variable?: string;
  signatureHeader: string;
  deliveryId: unknown;
  hasTime: boolean;
  /** a delivery that the provider itself, or its specification, has published */
  published?: Given;
  sign(secret: string, body: string, at: number): Record<string, string>;
}

const seconds = (at: number) => String(Math.floor(at / 1000));
const keyOf = (secret: string) => Buffer.from(secret.replace("whsec_", ""), "base64");

const PROVIDERS: Provider[] = [
  {
    name: "standardWebhooks",
    verifier: (secret, tolerance) => standardWebhooks({ secret, tolerance }),
    secret: "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
    other: "whsec_c2VjcmV0IG9mIGFub3RoZXIgb25l",
    signatureHeader: "webhook-signature",
    deliveryId: "msg_p5jXN8AQM9LWM0D4loKWxJek",
    hasTime: true,
    // standard-webhooks/standard-webhooks: libraries' tests
    published: {
      headers: {
        "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
        "webhook-timestamp": "1614265330",
        "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
      },
      body: '{"test": 2432232314}',
      at: 1614265330_000,
    },
    sign: (secret, body, at) => ({
      "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
      "webhook-timestamp": seconds(at),
      "webhook-signature": `v1,${mac(keyOf(secret), `msg_p5jXN8AQM9LWM0D4loKWxJek.${seconds(at)}.${body}`, "base64")}`,
    }),
  },
  {
    name: "stripe",
    verifier: (secret, tolerance) => stripe({ secret, tolerance }),
    secret: "whsec_5JTTfTkxdN0zMAzGYFa7V8SPnFYlMhoZ",
    other: "whsec_8JTTfTkxdN0zMAzGYFa7V8SPnFYlMhoZ",
    variable: "STRIPE_WEBHOOK_SECRET",
    signatureHeader: "stripe-signature",
    deliveryId: "evt_1",
    hasTime: true,
    sign: (secret, body, at) => ({
      "stripe-signature": `t=${seconds(at)},v1=${mac(secret, `${seconds(at)}.${body}`)},v0=6ffbb59b2300aae63f272406069a9788598b792a944a07aba816edb039989a39`,
    }),
  },
  {
    name: "github",
    verifier: (secret) => github({ secret }),
    secret: "It's a Secret to Everybody",
    other: "It's another Secret to Everybody",
    variable: "GITHUB_WEBHOOK_SECRET",
    signatureHeader: "x-hub-signature-256",
    deliveryId: expect.stringMatching(/^[0-9a-f]{64}$/),
    hasTime: false,
    // docs.github.com, "Validating webhook deliveries": test values
    published: {
      headers: {
        "x-hub-signature-256": "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17",
      },
      body: "Hello, World!",
      at: 0,
    },
    sign: (secret, body) => ({ "x-hub-signature-256": `sha256=${mac(secret, body)}` }),
  },
  {
    name: "slack",
    verifier: (signingSecret, tolerance) => slack({ signingSecret, tolerance }),
    secret: "8f742231b10e8888abcd99yyyzzz85a5",
    other: "9f742231b10e8888abcd99yyyzzz85a5",
    variable: "SLACK_SIGNING_SECRET",
    signatureHeader: "x-slack-signature",
    deliveryId: "Ev1",
    hasTime: true,
    // docs.slack.dev, "Verifying requests from Slack"
    published: {
      headers: {
        "x-slack-request-timestamp": "1531420618",
        "x-slack-signature": "v0=a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b503",
      },
      body: "token=xyzz0WbapA4vBCDEFasx0q6G&team_id=T1DC2JH3J&team_domain=testteamnow&channel_id=G8PSS9T3V&channel_name=foobar&user_id=U2CERLKJA&user_name=roadrunner&command=%2Fwebhook-collect&text=&response_url=https%3A%2F%2Fhooks.slack.com%2Fcommands%2FT1DC2JH3J%2F397700885554%2F96rGlfmibIGlgcZRskXaIFfN&trigger_id=398738663015.47445629121.803a0bc887a14d10d2c447fce8b6703c",
      at: 1531420618_000,
    },
    sign: (secret, body, at) => ({
      "x-slack-request-timestamp": seconds(at),
      "x-slack-signature": `v0=${mac(secret, `v0:${seconds(at)}:${body}`)}`,
    }),
  },
  {
    name: "hmac",
    verifier: (secret) => hmac({ header: "x-signature", secret }),
    secret: "Jefe",
    other: "Jeff",
    signatureHeader: "x-signature",
    deliveryId: expect.stringMatching(/^[0-9a-f]{64}$/),
    hasTime: false,
    // RFC 4231, test case 2
    published: {
      headers: { "x-signature": "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843" },
      body: "what do ya want for nothing?",
      at: 0,
    },
    sign: (secret, body) => ({ "x-signature": mac(secret, body) }),
  },
];

const BODY = '{"id":"evt_1","event_id":"Ev1","text":"é €"}';
const AT = 1_800_000_000_000;

describe.each(PROVIDERS)("$name", (provider) => {
  const { verifier, secret, other, sign, signatureHeader, deliveryId } = provider;
  const delivery = { headers: sign(secret, BODY, AT), body: BODY, at: AT };

  if (provider.published)
    test("a published delivery is genuine", async () => {
      expect(await verify(verifier(secret), provider.published!)).toEqual(genuine());
    });

  test("a delivery is genuine and named", async () => {
    expect(await verify(verifier(secret), delivery)).toEqual(genuine(deliveryId));
  });

  test("an empty body can be signed too", async () => {
    expect(await verify(verifier(secret), { ...delivery, body: "", headers: sign(secret, "", AT) })).toEqual(genuine());
  });

  test.each([
    ["a byte changed", BODY.replace("evt_1", "evt_2")],
    ["a space added", `${BODY} `],
    ["nothing left", ""],
  ])("tampered: %s", async (_, body) => {
    expect(await verify(verifier(secret), { ...delivery, body })).toEqual(refused(/no signature in .+ of this body/));
  });

  test("another secret, and the refusal tells neither", async () => {
    const verdict = await verify(verifier(other), delivery);
    expect(verdict).toEqual(refused(/the secret is another one/));
    expect(JSON.stringify(verdict)).not.toContain(other);
  });

  test("while a secret is changed either will do", async () => {
    expect(await verify(verifier([other, secret]), delivery)).toEqual(genuine());
    expect(await verify(verifier([secret, other]), delivery)).toEqual(genuine());
  });

  test("a secret may be asked for at each delivery", async () => {
    const variables = { MINE: secret };
    expect(
      await verify(
        verifier((read: any) => read("MINE")),
        { ...delivery, variables },
      ),
    ).toEqual(genuine());
    expect(
      await verify(
        verifier((read: any) => [read("OLD"), read("MINE")]),
        { ...delivery, variables },
      ),
    ).toEqual(genuine());
  });

  test("without a secret nothing is accepted, and the error says what to set", async () => {
    for (const none of [() => undefined, "", [], () => []])
      await expect(verify(verifier(none), { ...delivery, variables: {} })).rejects.toThrow(
        /no secret: .*give the option/,
      );
  });

  if (provider.variable)
    test("the secret is in a variable unless it is given", async () => {
      const variables = { [provider.variable!]: secret };
      expect(await verify(verifier(undefined), { ...delivery, variables })).toEqual(genuine());
      await expect(verify(verifier(undefined), delivery)).rejects.toThrow(`set ${provider.variable}`);
    });

  test("each header it needs is named when it is missing", async () => {
    for (const name of Object.keys(delivery.headers)) {
      const { [name]: _, ...headers } = delivery.headers;
      expect(await verify(verifier(secret), { ...delivery, headers })).toEqual({
        kind: "refused",
        why: `the header ${name} is missing`,
      });
    }
  });

  test.each(["", "x", "v1,", "v1,!!!", "t=1,v1=zz", "sha256=", "sha256=zz", "v0=", "v0=abc", "=", ",", "v1", "é"])(
    "a signature that is none: %j",
    async (text) => {
      const headers = new Headers(delivery.headers);
      headers.set(signatureHeader, text);
      expect(await verify(verifier(secret), { ...delivery, headers: Object.fromEntries(headers) })).toEqual(
        refused(/missing|no signature/),
      );
    },
  );

  if (provider.hasTime)
    test("late or early by up to 5 minutes", async () => {
      for (const off of [-FIVE_MINUTES, FIVE_MINUTES])
        expect(await verify(verifier(secret), { ...delivery, at: AT + off })).toEqual(genuine());
      expect(await verify(verifier(secret), { ...delivery, at: AT + FIVE_MINUTES + 1000 })).toEqual(
        refused(/its timestamp is 301 s old, and 300 s are allowed/),
      );
      expect(await verify(verifier(secret), { ...delivery, at: AT - FIVE_MINUTES - 1000 })).toEqual(
        refused(/301 s ahead/),
      );
    });

  if (provider.hasTime)
    test("the tolerance is an option, and must be a duration", async () => {
      expect(await verify(verifier(secret, "1h"), { ...delivery, at: AT + 3_600_000 })).toEqual(genuine());
      expect(await verify(verifier(secret, "10s"), { ...delivery, at: AT + 11_000 })).toEqual(
        refused(/10 s are allowed/),
      );
      expect(() => verifier(secret, "soon")).toThrow(new RegExp(`${provider.name}: tolerance: cannot read "soon"`));
    });

  if (provider.hasTime)
    test("the time is signed: a new one does not make an old delivery young", async () => {
      const headers = Object.fromEntries(
        Object.entries(delivery.headers).map(([name, value]) => [
          name,
          value.replace(seconds(AT), seconds(AT + 400_000)),
        ]),
      );
      expect(await verify(verifier(secret), { ...delivery, headers, at: AT + 400_000 })).toEqual(
        refused(/no signature/),
      );
    });
});

describe("several signatures in one header", () => {
  const [standard, stripes] = PROVIDERS as [Provider, Provider];

  test("Standard Webhooks: any of version 1 will do, others are passed over", async () => {
    const headers = standard.sign(standard.secret, BODY, AT);
    const right = headers["webhook-signature"]!;
    const wrong = `v1,${mac("x", BODY, "base64")}`;
    for (const [list, expected] of [
      [`${wrong} ${right}`, genuine()],
      [`v1a,abc ${right} ${wrong}`, genuine()],
      [right.replace("v1,", "v2,"), refused(/no signature/)],
      [`${wrong} ${wrong}`, refused(/no signature/)],
    ] as const)
      expect(
        await verify(standard.verifier(standard.secret), {
          headers: { ...headers, "webhook-signature": list },
          body: BODY,
          at: AT,
        }),
      ).toEqual(expected);
  });

  test("Stripe: any v1 will do, v0 never", async () => {
    const right = mac(stripes.secret, `${seconds(AT)}.${BODY}`);
    for (const [list, expected] of [
      [`v1=${"0".repeat(64)},v1=${right}`, genuine("evt_1")],
      [`v1=${right},v1=${"0".repeat(64)}`, genuine("evt_1")],
      [`v0=${right}`, refused(/no signature/)],
    ] as const)
      expect(
        await verify(stripes.verifier(stripes.secret), {
          headers: { "stripe-signature": `t=${seconds(AT)},${list}` },
          body: BODY,
          at: AT,
        }),
      ).toEqual(expected);
  });
});

test("Standard Webhooks: the headers of Svix, and a secret without its prefix", async () => {
  const { secret, sign } = PROVIDERS[0]!;
  const headers = Object.fromEntries(
    Object.entries(sign(secret, BODY, AT)).map(([name, value]) => [name.replace("webhook-", "svix-"), value]),
  );
  const verifier = standardWebhooks({ secret: secret.replace("whsec_", "") });
  expect(await verify(verifier, { headers, body: BODY, at: AT })).toEqual(genuine("msg_p5jXN8AQM9LWM0D4loKWxJek"));
});

test("Standard Webhooks: a secret that is not base64 is named, not shown", async () => {
  const verdict = verify(standardWebhooks({ secret: "whsec_no secret!" }), { headers: {}, body: "", at: AT });
  await expect(verdict).rejects.toThrow(/^standardWebhooks: secret: is not base64/);
  await expect(verdict).rejects.not.toThrow("no secret!");
});

describe("Slack", () => {
  const { secret, sign, verifier } = PROVIDERS[3]!;
  const given = (body: string) => ({ headers: sign(secret, body, AT), body, at: AT });

  test("url_verification is answered with its challenge", async () => {
    const verdict = await verify(verifier(secret), given('{"type":"url_verification","challenge":"3eZbrw1a"}'));
    expect(verdict.kind).toBe("answered");
    const { response } = verdict as { response: Response };
    expect([response.status, response.headers.get("content-type"), await response.text()]).toEqual([
      200,
      "text/plain",
      "3eZbrw1a",
    ]);
  });

  test("but only when it is signed", async () => {
    const body = '{"type":"url_verification","challenge":"3eZbrw1a"}';
    expect(await verify(verifier("another"), given(body))).toEqual(refused(/no signature/));
  });

  test("a command has no id: time and body name it", async () => {
    const ids = [];
    for (const [body, at] of [
      ["a=1", AT],
      ["a=1", AT],
      ["a=2", AT],
      ["a=1", AT + 1000],
    ] as const)
      ids.push(((await verify(verifier(secret), { headers: sign(secret, body, at), body, at })) as any).deliveryId);
    expect(ids[0]).toBe(ids[1]);
    expect(new Set(ids).size).toBe(3);
  });
});

test("GitHub: another X-GitHub-Delivery does not make the same body another delivery", async () => {
  const { secret, sign } = PROVIDERS[2]!;
  const ids = [];
  for (const guid of ["1", "2"]) {
    const headers = { ...sign(secret, BODY, AT), "x-github-delivery": guid };
    ids.push(((await verify(github({ secret }), { headers, body: BODY, at: AT })) as any).deliveryId);
  }
  expect(ids[0]).toBe(ids[1]);
});

describe("hmac", () => {
  const secret = "shared";

  test.each(["sha1", "sha256", "sha384", "sha512"] as const)(
    "%s in every encoding, behind a prefix",
    async (algorithm) => {
      for (const encoding of ["hex", "base64", "base64url"] as const) {
        const headers = { "x-sig": `p=${mac(secret, BODY, encoding, algorithm)}` };
        const options = { header: "X-Sig", secret, algorithm, encoding, prefix: "p=" };
        expect(await verify(hmac(options), { headers, body: BODY, at: AT })).toEqual(genuine());
        expect(await verify(hmac({ ...options, prefix: "q=" }), { headers, body: BODY, at: AT })).toEqual(
          refused(/no signature/),
        );
      }
    },
  );

  test("upper-case hex is hex", async () => {
    const headers = { "x-sig": mac(secret, BODY).toUpperCase() };
    expect(await verify(hmac({ header: "x-sig", secret }), { headers, body: BODY, at: AT })).toEqual(genuine());
  });

  test("a header may name the delivery, and must then be there", async () => {
    const verifier = hmac({ header: "x-sig", secret, idHeader: "x-id" });
    const headers = { "x-sig": mac(secret, BODY), "x-id": "7" };
    expect(await verify(verifier, { headers, body: BODY, at: AT })).toEqual(genuine("7"));
    expect(await verify(verifier, { headers: { "x-sig": headers["x-sig"] }, body: BODY, at: AT })).toEqual({
      kind: "refused",
      why: "the header x-id is missing",
    });
  });

  test.each([
    [{ header: "" }, /^hmac: header: must be/],
    [{ algorithm: "md5" }, /^hmac: algorithm: "md5" is none of sha1, sha256/],
    [{ encoding: "utf8" }, /^hmac: encoding: "utf8" is none of hex, base64/],
  ])("an option that cannot be used is named: %j", (option, message) => {
    expect(() => hmac({ header: "x-sig", secret, ...(option as object) })).toThrow(message);
  });
});
