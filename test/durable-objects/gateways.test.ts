import { describe, expect, it } from "vitest";
import { runView } from "../../src/routes/run-view.ts";
import { type Context, fetch as durableFetch, openai } from "../../src/sdk/index.ts";
import type { TestPlatform } from "../../src/testing/platform.ts";
import "../../src/testing/vitest.ts";
import { eachFault, FaultPoints } from "../helpers/fault-points.ts";
import { die, dieAfterTurns, simulated, type SimulatedOptions, view } from "../helpers/simulated-platform.ts";

const KEY = "sk-secret";
const retries = { attempts: 3, backoff: "fixed", initialDelay: "10s", jitter: false } as const;

interface Asked {
  url: string;
  method: string | undefined;
  headers: Headers;
  body: unknown;
}

/** A network that answers by path, and remembers what it was asked. */
function network(answer: (asked: Asked, times: number) => Response | Promise<Response>) {
  const asked: Asked[] = [];
  const fetch = async (url: string, { method, headers, body }: RequestInit) => {
    const one = { url, method, headers: new Headers(headers), body };
    asked.push(one);
    return answer(one, asked.length);
  };
  return { asked, fetch };
}

type Handler = (context: Context) => unknown;

function app(handler: Handler, { options = {}, ...given }: SimulatedOptions & { options?: object } = {}) {
  return simulated(
    (client) => [client.createFunction({ id: "f", retries, ...options }, { event: "go" }, handler)],
    given,
  );
}

/** All that is on the disks of runs. */
function disks({ world }: TestPlatform): string {
  const values = world.names("run").flatMap((name) => {
    const disk = world.disk("run", name);
    return ["run", "step", "effect", "lease"].flatMap((table) => [...(disk?.values(table) ?? [])]);
  });
  return JSON.stringify(values);
}

const ask: Handler = ({ step }) =>
  step.ai.infer("ask", {
    model: openai({ model: "gpt-4o", apiKey: KEY }),
    body: { messages: [{ role: "user", content: "hi" }] },
  });

describe.each(["http", "local"] as const)("over %s:", (transport) => {
  it("[§9.4] step.fetch resolves with the answer, once, whatever its status", async () => {
    const { asked, fetch } = network(() => new Response("no", { status: 404, headers: { "x-one": "1" } }));
    const platform = app(
      async ({ step }) => {
        const response = await step.fetch("https://api.test/things?x=1", {
          method: "PUT",
          body: '{"a":1}',
          headers: { authorization: KEY },
        });
        await step.sleep("nap", "1h");
        return [response.status, response.headers.get("x-one"), response.url, await response.text()];
      },
      { transport, fetch },
    );
    const { run } = await platform.send({ name: "go" });
    await run.waitFor("end");
    expect(run).toHaveCompleted([404, "1", "https://api.test/things?x=1", "no"]);
    expect(run).toHaveRunStep("step.fetch: api.test", {
      output: {
        url: "https://api.test/things?x=1",
        headers: { "Content-Type": "text/plain;charset=UTF-8", "X-One": "1" },
        body: "no",
        status_code: 404,
      },
    });
    expect(asked).toHaveLength(1);
    expect(asked[0]).toMatchObject({ method: "PUT", body: '{"a":1}' });
    expect(asked[0]?.headers.get("authorization")).toBe(KEY);
  });

  it("the durable `fetch` is a step in a handler, and the fallback inside of a step and outside of runs", async () => {
    const { asked, fetch } = network(() => new Response("far"));
    durableFetch.config({ fallback: async () => new Response("near") });
    const platform = app(
      async ({ step }) => [
        await (await durableFetch(new URL("https://api.test/a"))).text(),
        await step.run("inside", async () => (await durableFetch("https://api.test/b")).text()),
      ],
      { transport, fetch },
    );
    const { run } = await platform.send({ name: "go" });
    expect(run).toHaveCompleted(["far", "near"]);
    expect(asked.map(({ url }) => url)).toEqual(["https://api.test/a"]);
    expect(await (await durableFetch("https://api.test/c")).text()).toBe("near");
  });

  it("no answer is tried again as the function's steps are, without calling the code, then rejects with a GatewayError", async () => {
    const { asked, fetch } = network(() => {
      throw new TypeError("connection refused");
    });
    let passes = 0;
    const platform = app(
      async ({ step }) => {
        passes += 1;
        return step.fetch("https://api.test/").catch((error: Error) => [error.name, error.message]);
      },
      { transport, fetch },
    );
    const { run } = await platform.send({ name: "go" });
    expect(run.waitsFor).toEqual([expect.stringMatching(/^attempt 2 of step "step.fetch: api.test", at \+10s/)]);
    const before = passes;
    await platform.clock.advance("10s");
    if (transport === "http") expect(passes).toBe(before);
    await run.waitFor("end");
    expect(run).toHaveCompleted(["GatewayError", "https://api.test could not be reached: connection refused"]);
    expect(asked).toHaveLength(3);
    expect(platform.clock.now() - Date.UTC(2026, 0, 1)).toBe(20_000);
  });

  it("[§9.5] step.ai.infer asks as the model says, and resolves with the provider's JSON", async () => {
    const { asked, fetch } = network(() => Response.json({ choices: [{ message: { content: "hello" } }] }));
    const platform = app(ask, { transport, fetch });
    const { run } = await platform.send({ name: "go" });
    expect(run).toHaveCompleted({ choices: [{ message: { content: "hello" } }] });
    expect(asked[0]).toMatchObject({
      url: "https://api.openai.com/v1/chat/completions",
      method: "POST",
      body: '{"messages":[{"role":"user","content":"hi"}],"model":"gpt-4o"}',
    });
    expect(asked[0]?.headers.get("authorization")).toBe(`Bearer ${KEY}`);
  });

  it("[§9.5] what is no success of a model is tried again when it says, then rejects with an AIGatewayError", async () => {
    const { asked, fetch } = network(
      (_asked, times) =>
        new Response('{"error":"slow down"}', { status: 429, headers: times === 1 ? { "retry-after": "60" } : {} }),
    );
    const platform = app(ask, { transport, fetch });
    const { run } = await platform.send({ name: "go" });
    await run.waitFor("end");
    expect(run).toHaveFailed({ name: "AIGatewayError", message: "api.openai.com answered 429" });
    expect(platform.clock.now() - Date.UTC(2026, 0, 1)).toBe(70_000);
    expect(asked).toHaveLength(3);
    expect(run.steps.find(({ id }) => id === "ask")?.error).toMatchObject({ name: "AIGatewayError" });
  });

  it("several at once are asked at once, and counted with what runs beside them", async () => {
    let under = 0;
    let most = 0;
    const { asked, fetch } = network(async ({ url }) => {
      most = Math.max(most, ++under);
      await new Promise((resolve) => setImmediate(resolve));
      under -= 1;
      return new Response(url.slice(-1));
    });
    const platform = app(
      async ({ step }) =>
        Promise.all([
          ...["a", "b", "c"].map(async (path) => (await step.fetch(`https://api.test/${path}`)).text()),
          step.run("own", () => "own"),
          step.sleep("nap", "1m").then(() => "slept"),
        ]),
      { transport, fetch },
    );
    const { run } = await platform.send({ name: "go" });
    await run.waitFor("end");
    expect(run).toHaveCompleted(["a", "b", "c", "own", "slept"]);
    expect(asked).toHaveLength(3);
    expect(most).toBe(3);
  });

  it("requests keep their order also when a body must be read first", async () => {
    const { fetch } = network(({ body }) => new Response(`got ${String(body)}`));
    const platform = app(
      async ({ step }) => {
        const post = (body: RequestInit["body"]) => step.fetch("https://api.test/", { method: "POST", body });
        const answers = await Promise.all([
          post(new Blob(["first"])),
          post("second"),
          step.fetch(new Request("https://api.test/", { method: "POST", body: "third" })),
        ]);
        await step.sleep("nap", "1h"); // and again, from the journal
        return Promise.all(answers.map((answer) => answer.text()));
      },
      { transport, fetch },
    );
    const { run } = await platform.send({ name: "go" });
    await run.waitFor("end");
    expect(run).toHaveCompleted(["got first", "got second", "got third"]);
  });

  it("options that cannot be used fail the step by name", async () => {
    const platform = app(
      async ({ step }) =>
        step
          .fetch("named", "https://api.test/", { method: "POST", body: new Uint8Array([0xff, 0xfe]) })
          .catch((error: Error) => error.message),
      { transport },
    );
    const { run } = await platform.send({ name: "go" });
    expect(run).toHaveCompleted("step.fetch: body: it is not text in UTF-8; send it with `fetch` inside of `step.run`");
  });

  it("a test may stand in for both", async () => {
    const platform = app(
      async ({ step, ...context }) => [
        await (await step.fetch("rates", "https://api.test/")).json(),
        await ask({ step, ...context } as never),
      ],
      { transport },
    );
    platform.step("rates").mock({ url: "https://api.test/", headers: {}, body: "[1]", status_code: 200 });
    platform.step("ask").mock({ choices: [] });
    const { run } = await platform.send({ name: "go" });
    expect(run).toHaveCompleted([[1], { choices: [] }]);
  });

  it("[G2 G3] whatever goes wrong once, the run comes to the same end, and a stored answer is not asked for again", async () => {
    const scenario = (faults: FaultPoints) => {
      const { asked, fetch } = network(({ url }) => new Response(url.slice(-1)));
      const platform = app(
        async ({ step }) => {
          const [a, b] = await Promise.all(
            ["a", "b"].map(async (path) => (await step.fetch(path, `https://api.test/${path}`)).text()),
          );
          return [a, b, await (await step.fetch("c", "https://api.test/c")).text()];
        },
        { transport, fetch, faults },
      );
      return { asked, platform };
    };
    const follow = async (platform: TestPlatform) => {
      await platform.send({ name: "go", id: "go-1" });
      for (let minutes = 0; minutes < 30 && !platform.runs()[0]?.hasEnded; minutes++)
        await platform.clock.advance("1m");
      await platform.clock.runUntilIdle();
    };
    const calm = new FaultPoints();
    await follow(scenario(calm).platform);
    for (const { at, fault, where } of eachFault(calm.points)) {
      const { asked, platform } = scenario(new FaultPoints((_point, index) => (index === at ? fault : null)));
      await follow(platform);
      const [run] = platform.runs();
      expect(run?.output, `${where}\n${platform.timeline()}`).toEqual(["a", "b", "c"]);
      for (const path of ["a", "b", "c"])
        expect(asked.filter(({ url }) => url.endsWith(path)).length, `${where}: ${path}`).toBeLessThanOrEqual(2);
    }
  });
});

describe("over http:", () => {
  const transport = "http";

  it("[G3] an answer that a died process has missed is asked for again by the watchdog, and late ones count for nothing", async () => {
    const late: ((response: Response) => void)[] = [];
    const { asked, fetch } = network((_asked, times) =>
      times === 1 ? new Promise<Response>((resolve) => late.push(resolve)) : new Response("second"),
    );
    const platform = app(async ({ step }) => (await step.fetch("https://api.test/")).text(), {
      transport,
      fetch,
      patience: "60s",
    });
    dieAfterTurns(platform, () => null);
    const { turns } = platform.world;
    turns.between = () => {
      if (late.length !== 1) return;
      const [answer] = late.splice(0);
      die(platform);
      turns.atEnd(() => answer?.(new Response("first")));
    };
    await platform.send({ name: "go" });
    await platform.clock.advance("1m");
    expect(platform.runs()[0]).toHaveCompleted("second");
    expect(asked).toHaveLength(2);
  });

  it("the concurrency of steps holds for requests as well", async () => {
    let under = 0;
    let most = 0;
    const { fetch } = network(async () => {
      most = Math.max(most, ++under);
      await new Promise((resolve) => setImmediate(resolve));
      under -= 1;
      return new Response("ok");
    });
    const platform = app(
      async ({ step }) => {
        await Promise.all([1, 2, 3, 4].map((n) => step.fetch(`f${n}`, "https://api.test/")));
      },
      { transport, fetch, options: { concurrency: 1 } },
    );
    const { run } = await platform.send({ name: "go" });
    await run.waitFor("end");
    expect(run).toHaveCompleted();
    expect(most).toBe(1);
  });

  it("keys are on disk while the request may be made again, and nowhere once it is over", async () => {
    const { fetch } = network((_asked, times) =>
      times === 1 ? new Response("no", { status: 500 }) : Response.json({}),
    );
    const platform = app(ask, { transport, fetch });
    const { run, ids } = await platform.send({ name: "go" });
    expect(disks(platform)).toContain(KEY);
    const shown = async () => JSON.stringify(runView((await view(platform, ids[0]!, "mem-f"))!));
    expect(await shown()).not.toContain(KEY);
    expect(platform.timeline()).not.toContain(KEY);
    await run.waitFor("end");
    expect(run).toHaveCompleted({});
    expect(disks(platform)).not.toContain(KEY);
    expect(await shown()).toContain('"input":[{"method":"POST","url":"https://api.openai.com/v1/chat/completions"');
  });

  it("nor once the run has ended without it: cancelled between two tries, and while the answer is waited for", async () => {
    const between = app(ask, { transport, fetch: async () => new Response("no", { status: 500 }) });
    const { run } = await between.send({ name: "go" });
    expect(disks(between)).toContain(KEY);
    await run.cancel();
    expect(disks(between)).not.toContain(KEY);

    let answer: (response: Response) => void = () => undefined;
    const platform = app(
      async ({ step, ...context }) => {
        await Promise.race([ask({ step, ...context } as never), step.run("other", () => 1)]);
        return "first";
      },
      { transport, fetch: () => new Promise<Response>((resolve) => (answer = resolve)), patience: "60s" },
    );
    platform.world.turns.between = () => {
      if (platform.runs()[0]?.hasEnded) answer(Response.json({}));
    };
    const { run: second } = await platform.send({ name: "go" });
    expect(second).toHaveCompleted("first");
    expect(disks(platform)).not.toContain(KEY);
  });

  it("[§9.4] what is answered is told to subscribers too, where that is asked for, and is no message when it fails", async () => {
    const { fetch } = network((_asked, times) =>
      times === 1 ? new Response("no", { status: 500 }) : Response.json({ n: 1 }),
    );
    const asked = { model: openai({ model: "m", apiKey: KEY }), body: { messages: [] } };
    const publish = { channel: "chat:1", topic: "answers" };
    const platform = app(({ step }) => step.ai.infer("ask", { ...asked, publish } as typeof asked), {
      transport,
      fetch,
    });
    const { run } = await platform.send({ name: "go" });
    await run.waitFor("end");
    expect(run).toHaveCompleted({ n: 1 });
    expect(platform.published).toMatchObject([{ channel: "chat:1", topic: "answers", data: { n: 1 }, runId: run.id }]);
  });
});
