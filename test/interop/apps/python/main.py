"""The Python apps: `py-fastapi` with coroutines under uvicorn, `py-flask` with functions that block under waitress."""

from __future__ import annotations

import logging
import os
import socket
import typing

import inngest

from functions import Greeting, NotedLog, functions
from stage import Stage


def create_client(app_id: str, stage: Stage) -> inngest.Inngest:
    logger = logging.getLogger(app_id)
    logger.setLevel(logging.INFO)
    logger.addHandler(NotedLog(stage))
    logger.addHandler(logging.StreamHandler())
    return inngest.Inngest(app_id=app_id, logger=logger, middleware=[Greeting])


def serve_fastapi(listener: socket.socket, client: inngest.Inngest, stage: Stage) -> None:
    import fastapi
    import inngest.fast_api
    import uvicorn

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

    inngest.fast_api.serve(app, client, functions(client, stage, blocking=False))
    uvicorn.Server(uvicorn.Config(app, log_level="warning")).run(sockets=[listener])


def serve_flask(listener: socket.socket, client: inngest.Inngest, stage: Stage) -> None:
    import flask
    import inngest.flask
    import waitress

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
    # Bodies that wait at a gate hold their thread.
    waitress.serve(app, sockets=[listener], threads=64, max_request_body_size=128 * 1024 * 1024)


def main() -> None:
    app_id = os.environ["INTEROP_CLIENT"]
    stage = Stage()
    client = create_client(app_id, stage)
    listener = socket.create_server(("127.0.0.1", int(os.environ["PORT"])), backlog=128)
    print(f"ready {listener.getsockname()[1]}", flush=True)
    serve = serve_flask if app_id.startswith("py-flask") else serve_fastapi
    serve(listener, client, stage)


main()
