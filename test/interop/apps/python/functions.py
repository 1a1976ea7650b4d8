"""The functions of CONTRACT.md, in its order, with every step tool, trigger and option that the SDK has."""

from __future__ import annotations

import datetime
import logging
import re
import typing

import inngest
from inngest.experimental import ai, realtime

from stage import Context, Stage, Wait
from synchronous import Handler, synchronous

Ctx = inngest.Context
Body = typing.Callable[[], typing.Awaitable[typing.Any]]
Listed = list[inngest.Function[typing.Any]]


def duration(text: str) -> datetime.timedelta:
    """`1h`, `2s`, as the contract writes durations; the SDK takes a timedelta."""
    amount, unit = re.fullmatch(r"(\d+)([smhd])", text).groups()  # type: ignore[union-attr]
    return datetime.timedelta(**{{"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}[unit]: int(amount)})


def instant(text: str) -> datetime.datetime:
    return datetime.datetime.fromisoformat(text.replace("Z", "+00:00"))


class Greeting(inngest.MiddlewareSync):
    """Changes the input and the output of one function: `middleware`."""

    def transform_input(self, ctx: Context, function: inngest.Function[typing.Any], steps: inngest.StepMemos) -> None:
        self._applies = function.local_id == "middleware"
        if self._applies:
            ctx.event.data = {**ctx.event.data, "greeting": "hello"}

    def transform_output(self, result: inngest.TransformOutputResult) -> None:
        if self._applies and result.step is None and isinstance(result.output, dict):
            result.output = {**result.output, "stamped": True}


class NotedLog(logging.Handler):
    """
    The client's logger: what a function logs lands in the trace. One logger serves all runs, so a handler that logs says
    for which context, by the `extra` of its record.
    """

    def __init__(self, stage: Stage) -> None:
        super().__init__()
        self._stage = stage

    def emit(self, record: logging.LogRecord) -> None:
        ctx = getattr(record, "ctx", None)
        if ctx is not None:
            self._stage.note(ctx, f"log: {record.getMessage()}")


def functions(client: inngest.Inngest, stage: Stage, *, blocking: bool) -> Listed:
    app = client.app_id
    wait: Wait = stage.block if blocking else stage.wait
    made: Listed = []

    def adapted(handler: Handler | None) -> typing.Any:
        return synchronous(handler) if blocking and handler is not None else handler

    def function(
        fn_id: str,
        trigger: inngest.TriggerCron | list[inngest.TriggerCron | inngest.TriggerEvent] | None = None,
        on_failure: Handler | None = None,
        **options: typing.Any,
    ) -> typing.Callable[[Handler], inngest.Function[typing.Any]]:
        def create(handler: Handler) -> inngest.Function[typing.Any]:
            decorate = client.create_function(
                fn_id=fn_id,
                trigger=trigger or inngest.TriggerEvent(event=f"{app}/{fn_id}"),
                on_failure=adapted(on_failure),
                **options,
            )
            made.append(decorate(adapted(handler)))
            return made[-1]

        return create

    async def step(ctx: Ctx, step_id: str, value: object = None, body: Body | None = None, key: str | None = None) -> typing.Any:
        """A `step.run` whose body notes itself, then does what `body` does or has `value`."""

        async def noted() -> object:
            stage.note(ctx, step_id, key)
            return await body() if body is not None else value

        return await ctx.step.run(step_id, noted)

    def throws(error: Exception) -> Body:
        async def body() -> typing.NoReturn:
            raise error

        return body

    def held(ctx: Ctx) -> Body:
        async def body() -> str:
            await wait(str(ctx.event.data["gate"]))
            return "held"

        return body

    # One step after the other

    @function("steps")
    async def steps(ctx: Ctx) -> int:
        total = 0
        for n, step_id in enumerate(["one", "two", "three", "four", "five"], start=1):
            total = await step(ctx, step_id, total + n)
        return total

    @function("values")
    async def values(ctx: Ctx) -> object:
        texts: dict[str, object] = {
            "null": None,
            "true": True,
            "float": 1.5,
            "text": 'héllo ✓ 🎉 "quoted"\n',
            "nested": {"a": [1, {"b": None}], "ü": "ß"},
            "object": {},
            "list": [],
            "Überweisung ✓ 1/2": "id",
        }
        output = {step_id: await step(ctx, step_id, value) for step_id, value in texts.items()}
        large = await step(ctx, "large", "x" * 1_048_576)
        return {**output, "large": len(large)}

    # Retries and errors

    @function("retry", retries=3)
    async def retry(ctx: Ctx) -> object:
        async def flaky() -> int:
            if ctx.attempt < ctx.event.data["failures"]:
                raise Exception("not yet")
            return ctx.attempt

        return {"attempt": await step(ctx, "flaky", body=flaky)}

    @function("caught", retries=1)
    async def caught(ctx: Ctx) -> object:
        message = None
        try:
            await step(ctx, "fails", body=throws(Exception("out of range")))
        except inngest.StepError as error:
            message = error.message
        return {"message": message, "after": await step(ctx, "after", "went on")}

    @function("uncaught", retries=1)
    async def uncaught(ctx: Ctx) -> None:
        await step(ctx, "fails", body=throws(Exception("broken for good")))

    @function("nonretriable", retries=3)
    async def nonretriable(ctx: Ctx) -> None:
        await step(ctx, "fails", body=throws(inngest.NonRetriableError("do not try again")))

    @function("nonretriable-function", retries=3)
    async def nonretriable_function(ctx: Ctx) -> None:
        stage.note(ctx, "handler")
        raise inngest.NonRetriableError("do not try again")

    @function("retry-after", retries=3)
    async def retry_after(ctx: Ctx) -> int:
        async def later() -> int:
            if ctx.attempt == 0:
                seconds = typing.cast(int, ctx.event.data["seconds"])
                raise inngest.RetryAfterError("later", seconds * 1000)
            return ctx.attempt

        return await step(ctx, "later", body=later)

    @function("function-error", retries=2)
    async def function_error(ctx: Ctx) -> object:
        before = await step(ctx, "before", "b")
        stage.note(ctx, "handler")
        if ctx.attempt < 1:
            raise Exception("again")
        return {"before": before, "attempt": ctx.attempt}

    @function("function-fails", retries=1)
    async def function_fails(ctx: Ctx) -> None:
        stage.note(ctx, "handler")
        raise Exception("the handler is broken")

    # Time and events

    @function("sleep")
    async def sleep(ctx: Ctx) -> str:
        await step(ctx, "before")
        await ctx.step.sleep("nap", duration(str(ctx.event.data["duration"])))
        await step(ctx, "after")
        return "slept"

    @function("sleep-until")
    async def sleep_until(ctx: Ctx) -> str:
        await step(ctx, "before")
        await ctx.step.sleep_until("nap", instant(str(ctx.event.data["until"])))
        await step(ctx, "after")
        return "slept"

    same_key = "event.data.key == async.data.key"

    @function("wait")
    async def wait_for_event(ctx: Ctx) -> object:
        answer = await ctx.step.wait_for_event(
            "answer", event=f"{app}/answer", if_exp=same_key, timeout=duration(str(ctx.event.data["timeout"]))
        )
        return {"answer": None if answer is None else answer.data["answer"]}

    @function("wait-if")
    async def wait_if(ctx: Ctx) -> object:
        answer = await ctx.step.wait_for_event(
            "answer",
            event=f"{app}/answer",
            if_exp=f"async.data.key == '{ctx.event.data['key']}' && async.data.n > 2",
            timeout=duration(str(ctx.event.data["timeout"])),
        )
        return {"n": None if answer is None else answer.data["n"]}

    # Functions that call functions

    @function("callee", retries=0)
    async def callee(ctx: Ctx) -> object:
        n = typing.cast(int, ctx.event.data["n"])
        return {"doubled": await step(ctx, "double", 2 * n), "by": app}

    @function("callee-fails", retries=0)
    async def callee_fails(ctx: Ctx) -> None:
        raise inngest.NonRetriableError("callee broke")

    @function("callee-slow")
    async def callee_slow(ctx: Ctx) -> str:
        await ctx.step.sleep("long", duration("1h"))
        return "late"

    @function("invoke", retries=0)
    async def invoke(ctx: Ctx) -> object:
        result = await ctx.step.invoke("call", function=callee, data={"n": ctx.event.data["n"]})
        return {"result": result, "after": await step(ctx, "after", "went on")}

    @function("invoke-slug", retries=0)
    async def invoke_slug(ctx: Ctx) -> object:
        data = ctx.event.data
        result = await ctx.step.invoke_by_id(
            "call", app_id=str(data["app"]), function_id=str(data["function"]), data={"n": data["n"]}
        )
        return {"result": result}

    @function("invoke-fails", retries=0)
    async def invoke_fails(ctx: Ctx) -> object:
        try:
            await ctx.step.invoke("call", function=callee_fails)
        except inngest.StepError as error:
            return {"message": error.message}
        return {"message": None}

    @function("invoke-timeout", retries=0)
    async def invoke_timeout(ctx: Ctx) -> object:
        try:
            await ctx.step.invoke("call", function=callee_slow, timeout=duration(str(ctx.event.data["timeout"])))
        except inngest.StepError:
            return {"caught": True}
        return {"caught": False}

    @function("send")
    async def send(ctx: Ctx) -> object:
        key = ctx.event.data["key"]
        events = [inngest.Event(name=f"{app}/sent", data={"key": key, "n": n}) for n in (1, 2)]
        ids = await ctx.step.send_event("emit", events)
        return {"ids": ids, "after": await step(ctx, "after", "went on")}

    @function("sent")
    async def sent(ctx: Ctx) -> object:
        await step(ctx, "got")
        return ctx.event.data["n"]

    # At the same time

    @function("parallel", retries=0)
    async def parallel(ctx: Ctx) -> object:
        async def settled() -> object:
            try:
                return await step(ctx, "c", body=throws(Exception("c broke")))
            except inngest.StepError as error:
                return error.message

        group = await ctx.group.parallel((lambda: step(ctx, "a", "a"), lambda: step(ctx, "b", "b"), settled))
        return [*group, await step(ctx, "join", "joined")]

    @function("nested")
    async def nested(ctx: Ctx) -> int:
        async def a() -> int:
            return await step(ctx, "a2", 1 + await step(ctx, "a1", 1))

        async def b() -> int:
            b1 = await step(ctx, "b1", 10)
            return b1 + sum(await ctx.group.parallel((lambda: step(ctx, "b2", 20), lambda: step(ctx, "b3", 30))))

        return await step(ctx, "join", sum(await ctx.group.parallel((a, b))))

    @function("fan-out")
    async def fan_out(ctx: Ctx) -> int:
        def branch(n: int) -> Body:
            return lambda: step(ctx, f"s-{n}", n)

        return await step(ctx, "join", sum(await ctx.group.parallel(tuple(branch(n) for n in range(20)))))

    @function("parallel-retry", retries=2)
    async def parallel_retry(ctx: Ctx) -> object:
        async def flaky() -> str:
            if ctx.attempt < 1:
                raise Exception("not yet")
            return "flaky"

        group = await ctx.group.parallel(
            (lambda: step(ctx, "steady", "steady"), lambda: step(ctx, "flaky", body=flaky))
        )
        return [*group, await step(ctx, "join", "joined")]

    @function("parallel-waits")
    async def parallel_waits(ctx: Ctx) -> object:
        branches: tuple[Body, ...] = (
            lambda: ctx.step.sleep("nap", duration("1h")),
            lambda: ctx.step.wait_for_event(
                "answer", event=f"{app}/answer", if_exp=same_key, timeout=duration("2h")
            ),
            lambda: ctx.step.invoke("call", function=callee, data={"n": 2}),
            lambda: step(ctx, "work", "done"),
        )
        _, answer, called, work = await ctx.group.parallel(branches)
        return {
            "answer": answer.data["answer"],
            "doubled": called["doubled"],
            "work": work,
            "join": await step(ctx, "join", "joined"),
        }

    async def race_of(ctx: Ctx, mode: inngest.ParallelMode) -> object:
        """A group has no first one to finish: a branch is left out once another has won."""
        winners: list[str] = []

        async def slow_body() -> str:
            await wait(str(ctx.event.data["gate"]))
            return "slow"

        async def quick() -> None:
            winners.append(await step(ctx, "quick", "quick"))

        async def slow() -> None:
            if not winners:
                winners.append(await step(ctx, "slow", body=slow_body))

        await ctx.group.parallel((quick, slow), mode)
        return {"winner": winners[0], "after": await step(ctx, "after", "after")}

    @function("race")
    async def race(ctx: Ctx) -> object:
        return await race_of(ctx, inngest.ParallelMode.WAIT)

    @function("race-mode")
    async def race_mode(ctx: Ctx) -> object:
        return await race_of(ctx, inngest.ParallelMode.RACE)

    @function("repeated")
    async def repeated(ctx: Ctx) -> object:
        return [await step(ctx, "again", n) for n in range(5)]

    @function("large-state")
    async def large_state(ctx: Ctx) -> int:
        parts = [await step(ctx, f"big-{n}", "x" * 1_048_576) for n in range(5)]
        return await step(ctx, "count", sum(len(part) for part in parts))

    # What the platform does for a function

    async def note_failure(ctx: Ctx) -> None:
        original = typing.cast(dict[str, typing.Any], ctx.event.data["event"])
        await step(ctx, "on-failure", key=original["data"]["key"])

    @function("on-failure", retries=0, on_failure=note_failure)
    async def on_failure(ctx: Ctx) -> None:
        raise Exception("told to fail")

    @function("cancellable", cancel=[inngest.Cancel(event=f"{app}/stop", if_exp=same_key)])
    async def cancellable(ctx: Ctx) -> str:
        await step(ctx, "before")
        await ctx.step.sleep("nap", duration("1h"))
        await step(ctx, "after")
        return "slept"

    @function("cron", trigger=inngest.TriggerCron(cron="* * * * *"))
    async def cron(ctx: Ctx) -> str:
        return await step(ctx, "tick", "ticked", key="cron")

    lane = "event.data.lane"

    @function("limited", concurrency=[inngest.Concurrency(limit=1, key=lane)])
    async def limited(ctx: Ctx) -> str:
        return await step(ctx, "hold", body=held(ctx))

    @function(
        "urgent",
        concurrency=[inngest.Concurrency(limit=1, key=lane)],
        priority=inngest.Priority(run="event.data.urgency"),
    )
    async def urgent(ctx: Ctx) -> str:
        return await step(ctx, "hold", body=held(ctx))

    @function("throttled", throttle=inngest.Throttle(limit=1, period=duration("2s"), burst=0, key=lane))
    async def throttled(ctx: Ctx) -> str:
        return await step(ctx, "start", "started")

    @function("rate-limited", rate_limit=inngest.RateLimit(limit=1, period=duration("1m"), key=lane))
    async def rate_limited(ctx: Ctx) -> str:
        return await step(ctx, "start", "started")

    @function("debounced", debounce=inngest.Debounce(period=duration("1s"), key=lane))
    async def debounced(ctx: Ctx) -> object:
        await step(ctx, "start")
        return ctx.event.data["n"]

    @function("batched", batch_events=inngest.Batch(max_size=3, timeout=duration("60s"), key=lane))
    async def batched(ctx: Ctx) -> object:
        return await step(ctx, "all", sorted(typing.cast(int, event.data["n"]) for event in ctx.events))

    @function("alone", singleton=inngest.Singleton(mode="skip", key=lane))
    async def alone(ctx: Ctx) -> str:
        return await step(ctx, "hold", body=held(ctx))

    @function("alone-cancel", singleton=inngest.Singleton(mode="cancel", key=lane))
    async def alone_cancel(ctx: Ctx) -> str:
        return await step(ctx, "hold", body=held(ctx))

    @function("once", idempotency="event.data.key")
    async def once(ctx: Ctx) -> str:
        return await step(ctx, "start", "started")

    @function("brief", timeouts=inngest.Timeouts(finish=duration("1s")))
    async def brief(ctx: Ctx) -> str:
        await ctx.step.sleep("nap", duration("1h"))
        return "late"

    @function(
        "conditional",
        trigger=[
            inngest.TriggerEvent(event=f"{app}/conditional", expression="event.data.n > 2"),
            inngest.TriggerEvent(event=f"{app}/conditional-also"),
        ],
    )
    async def conditional(ctx: Ctx) -> object:
        return ctx.event.data["n"]

    @function("wild", trigger=[inngest.TriggerEvent(event=f"{app}/wild/*")])
    async def wild(ctx: Ctx) -> str:
        return ctx.event.name

    # What the SDK hands to a function, and what surrounds it

    @function("context", retries=2)
    async def context(ctx: Ctx) -> object:
        event = {"name": ctx.event.name, "data": ctx.event.data, "id": ctx.event.id, "ts": ctx.event.ts}
        return {"runId": ctx.run_id, "attempt": ctx.attempt, "event": event, "events": len(ctx.events)}

    @function("middleware")
    async def middleware(ctx: Ctx) -> object:
        return {"greeting": ctx.event.data["greeting"]}

    @function("logs")
    async def logs(ctx: Ctx) -> str:
        ctx.logger.info("before", extra={"ctx": ctx})
        await step(ctx, "work")
        ctx.logger.info("after", extra={"ctx": ctx})
        return "logged"

    # What the platform does in a function's place

    @function("ai-infer")
    async def ai_infer(ctx: Ctx) -> object:
        adapter = ai.openai.Adapter(auth_key="k", base_url=str(ctx.event.data["url"]), model="m")
        messages = [{"role": "user", "content": ctx.event.data["text"]}]
        reply = typing.cast(typing.Any, await ctx.step.ai.infer("infer", adapter=adapter, body={"messages": messages}))
        return reply["choices"][0]["message"]["content"]

    @function("publish")
    async def publish(ctx: Ctx) -> str:
        message = {"channel": str(ctx.event.data["channel"]), "topic": "updates", "data": {"n": 1}}

        async def body() -> None:
            if blocking:
                realtime.publish_sync(client, **message)
            else:
                await realtime.publish(client, **message)

        await step(ctx, "publish", body=body)
        await step(ctx, "after")
        return "published"

    return made
