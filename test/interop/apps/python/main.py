"""
The Python apps: `py-fastapi` with coroutines under uvicorn, `py-streaming` which answers at once and tells the result
later, `py-flask` with functions that block under waitress, and `py-connect`, a worker that dials in.
"""

from __future__ import annotations

import asyncio
import logging
import os
import socket
import typing

import fastapi
import flask
import inngest
import inngest.fast_api
import inngest.flask
import uvicorn
import waitress
from inngest.connect import ConnectionState, connect

from functions import Greeting, NotedLog, functions
from stage import Stage


def create_client(app_id: str, stage: Stage) -> inngest.Inngest:
    logger = logging.getLogger(app_id)
    logger.setLevel(logging.INFO)
    logger.addHandler(NotedLog(stage))
    logger.addHandler(logging.StreamHandler())
    return inngest.Inngest(app_id=app_id, logger=logger, middleware=[Greeting])


def tell_ready(listener: socket.socket) -> None:
    print(f"ready {listener.getsockname()[1]}", flush=True)


def fastapi_app(stage: Stage) -> fastapi.FastAPI:
    app = fastapi.FastAPI()

    @app.middleware("http")
    async def count(request: fastapi.Request, call_next: typing.Any) -> fastapi.Response:
        if request.method == "POST" and "x-run-id" in request.headers:
            stage.called(request.headers["x-run-id"], request.query_params.get("stepId", ""))
        return await call_next(request)

    @app.get("/trace")
    async def trace(run: str | None = None, key: str | None = None) -> list[dict[str, object]]:
        return stage.trace(run=run, key=key)

    @app.get("/calls")
    async def calls(run: str) -> list[dict[str, str]]:
        return stage.calls(run)

    @app.post("/open")
    async def open_gate(gate: str) -> str:
        stage.open(gate)
        return "open"

    return app


def serve_fastapi(listener: socket.socket, client: inngest.Inngest, stage: Stage) -> None:
    app = fastapi_app(stage)
    streaming = inngest.Streaming.FORCE if client.app_id == "py-streaming" else None
    inngest.fast_api.serve(app, client, functions(client, stage, blocking=False), streaming=streaming)
    tell_ready(listener)
    uvicorn.Server(uvicorn.Config(app, log_level="warning", timeout_keep_alive=600)).run(sockets=[listener])


async def dial_in(listener: socket.socket, client: inngest.Inngest, stage: Stage) -> None:
    app = fastapi_app(stage)

    @app.put("/api/inngest")
    async def sync() -> dict[str, str]:
        return {}  # it has registered by its connection

    connection = connect([(client, functions(client, stage, blocking=False))])
    started = asyncio.create_task(connection.start())
    await connection.wait_for_state(ConnectionState.ACTIVE)
    tell_ready(listener)
    await uvicorn.Server(uvicorn.Config(app, log_level="warning", timeout_keep_alive=600)).serve(sockets=[listener])
    await connection.close()
    await started


def serve_flask(listener: socket.socket, client: inngest.Inngest, stage: Stage) -> None:
    app = flask.Flask(__name__)

    @app.before_request
    def count() -> None:
        if flask.request.method == "POST" and "x-run-id" in flask.request.headers:
            stage.called(flask.request.headers["x-run-id"], flask.request.args.get("stepId", ""))

    @app.get("/trace")
    def trace() -> typing.Any:
        return flask.jsonify(stage.trace(run=flask.request.args.get("run"), key=flask.request.args.get("key")))

    @app.get("/calls")
    def calls() -> typing.Any:
        return flask.jsonify(stage.calls(flask.request.args.get("run")))

    @app.post("/open")
    def open_gate() -> str:
        stage.open(flask.request.args["gate"])
        return "open"

    inngest.flask.serve(app, client, functions(client, stage, blocking=True))
    tell_ready(listener)
    # Bodies that wait at a gate hold their thread.
    # at its default of 100 connections it accepts no other until one of them has been idle for long enough to be closed
    waitress.serve(app, sockets=[listener], threads=64, connection_limit=1000, max_request_body_size=128 * 1024 * 1024)


def main() -> None:
    app_id = os.environ["INTEROP_CLIENT"]
    stage = Stage()
    client = create_client(app_id, stage)
    listener = socket.create_server(("127.0.0.1", int(os.environ["PORT"])), backlog=128)
    # servers that are given a socket leave this to its maker; without it an answer written in two parts takes 40 ms
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    if app_id == "py-connect":
        asyncio.run(dial_in(listener, client, stage))
    elif app_id == "py-flask":
        serve_flask(listener, client, stage)
    else:
        serve_fastapi(listener, client, stage)


main()
