"""
The SDK has two interfaces: coroutines, and plain functions that block. functions.py is written once, with coroutines; here
a handler of it becomes a plain function, whose every `await ctx.step.run(…)` is a blocking call of the SDK's other interface.
"""

from __future__ import annotations

import dataclasses
import inspect
import typing

import inngest

Handler = typing.Callable[[inngest.Context], typing.Awaitable[object]]


def synchronous(handler: Handler) -> typing.Callable[[inngest.ContextSync], object]:
    def blocking_handler(ctx: inngest.ContextSync) -> object:
        adapted = dataclasses.replace(ctx, step=_Blocking(ctx.step), group=_Blocking(ctx.group))  # type: ignore[arg-type]
        return _drive(handler(adapted))  # type: ignore[arg-type]

    return blocking_handler


class _Blocking:
    """Every method of the tool, awaitable: it is done when it is called."""

    def __init__(self, tool: object) -> None:
        self._tool = tool

    @property
    def ai(self) -> _Blocking:
        return _Blocking(self._tool.ai)  # type: ignore[attr-defined]

    def __getattr__(self, name: str) -> object:
        method = getattr(self._tool, name)

        async def call(*args: object, **options: object) -> object:
            return method(*(_plain(arg) for arg in args), **options)

        return call


def _plain(value: object) -> object:
    """Bodies of steps and branches of groups block, too."""
    if isinstance(value, tuple):
        return tuple(_plain(item) for item in value)
    if not callable(value):
        return value
    return lambda *args: _drive(value(*args))


def _drive(result: object) -> object:
    """Runs a coroutine that never waits for an event loop to its end."""
    if not inspect.iscoroutine(result):
        return result
    try:
        result.send(None)
    except StopIteration as done:
        return done.value
    raise RuntimeError("a blocking function waited for an event loop")
