"""What bodies leave behind and wait for, and the side routes read and open: see CONTRACT.md."""

from __future__ import annotations

import asyncio
import threading
import time
import typing

import inngest

Context = inngest.Context | inngest.ContextSync


class Stage:
    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._notes: list[dict[str, object]] = []
        self._calls: list[tuple[str, str]] = []
        self._gates: dict[str, threading.Event] = {}

    def note(self, ctx: Context, step: str, key: str | None = None) -> None:
        note = {
            "run": ctx.run_id,
            "key": ctx.event.data.get("key", "") if key is None else key,
            "step": step,
            "attempt": ctx.attempt,
            "at": int(time.time() * 1000),
        }
        with self._lock:
            self._notes.append(note)

    def trace(self, *, run: str | None, key: str | None) -> list[dict[str, object]]:
        with self._lock:
            return [note for note in self._notes if (note["run"] == run if key is None else note["key"] == key)]

    def called(self, run: str, step: str) -> None:
        with self._lock:
            self._calls.append((run, step))

    def calls(self, run: str | None) -> list[dict[str, str]]:
        with self._lock:
            return [{"step": step} for of, step in self._calls if of == run]

    def open(self, gate: str) -> None:
        self._gate(gate).set()

    async def wait(self, gate: str) -> None:
        """Without holding a thread: many bodies wait at once in one event loop."""
        while not self._gate(gate).is_set():
            await asyncio.sleep(0.01)

    async def block(self, gate: str) -> None:
        """The same for functions without an event loop: the thread waits."""
        self._gate(gate).wait()

    def _gate(self, name: str) -> threading.Event:
        with self._lock:
            return self._gates.setdefault(name, threading.Event())


Wait = typing.Callable[[str], typing.Awaitable[None]]
