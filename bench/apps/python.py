"""The function of many steps under FastAPI; its times are read at `/marks`."""

from __future__ import annotations

import os
import socket
import time

import fastapi
import inngest
import inngest.fast_api
import uvicorn

client = inngest.Inngest(app_id=os.environ["INTEROP_CLIENT"])
marks: list[dict[str, object]] = []


async def now() -> float:
    return time.time() * 1000


@client.create_function(fn_id="steps", trigger=inngest.TriggerEvent(event=f"{client.app_id}/steps"))
async def steps(ctx: inngest.Context) -> None:
    data = ctx.event.data
    first = at = await ctx.step.run("step-0", now)
    for i in range(1, int(data["n"])):
        at = await ctx.step.run(f"step-{i}", now)
    marks.append({"scope": data["scope"], "key": data["key"], "fromAt": first, "at": at})


app = fastapi.FastAPI()


@app.get("/marks")
async def take() -> list[dict[str, object]]:
    taken = list(marks)
    marks.clear()
    return taken


inngest.fast_api.serve(app, client, [steps])

if __name__ == "__main__":
    listener = socket.create_server(("127.0.0.1", int(os.environ["PORT"])), backlog=128)
    # uvicorn leaves this to whoever makes the socket; without it an answer written in two parts takes 40 ms
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    print(f"ready {listener.getsockname()[1]}", flush=True)
    uvicorn.Server(uvicorn.Config(app, log_level="warning", timeout_keep_alive=600)).run(sockets=[listener])
