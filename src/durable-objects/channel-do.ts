import { DurableObject } from "cloudflare:workers";
import { readRealtimeToken } from "../protocol/realtime-token.ts";
import { PING_FRAME, PONG_FRAME } from "../protocol/realtime.ts";
import { ChannelObject, type Subscriber } from "./channel-object.ts";
import { installedParts } from "./installed.ts";
import type { ChannelMessage, ChannelObjectApi, ChannelSubscription } from "./objects.ts";
import { SUBSCRIPTION_PARAM, workerdHost } from "./workerd-host.ts";

/** One realtime channel. Its sockets hibernate: while nothing is said the object costs nothing. */
export class ChannelDO extends DurableObject implements ChannelObjectApi {
  readonly #channel: ChannelObject;

  constructor(ctx: DurableObjectState, env: Cloudflare.Env) {
    super(ctx, env);
    ctx.setWebSocketAutoResponse(new WebSocketRequestResponsePair(PING_FRAME, PONG_FRAME));
    this.#channel = new ChannelObject({
      host: workerdHost(ctx),
      subscribers: () => ctx.getWebSockets().map(subscriberOf),
      readToken: (token) => readRealtimeToken(token, installedParts().realtimeKeys()),
    });
  }

  publish(messages: ChannelMessage[]) {
    return this.#channel.publish(messages);
  }

  follow(home: string) {
    return this.#channel.follow(home);
  }

  forward(channel: string, messages: ChannelMessage[]) {
    return this.#channel.forward(channel, messages);
  }

  /** Accepts a subscriber whom the route has let in: a socket does not come by RPC. */
  override async fetch(request: Request): Promise<Response> {
    const subscription: ChannelSubscription = JSON.parse(
      new URL(request.url).searchParams.get(SUBSCRIPTION_PARAM) ?? "",
    );
    const refusal = await this.#channel.prepare(subscription);
    if (refusal !== null) return new Response(refusal, { status: 429 });
    const { 0: client, 1: server } = new WebSocketPair();
    this.ctx.acceptWebSocket(server);
    server.serializeAttachment(subscription);
    await this.#channel.accepted(subscriberOf(server));
    return new Response(null, { status: 101, webSocket: client });
  }

  override async webSocketMessage(socket: WebSocket, message: string | ArrayBuffer) {
    if (typeof message === "string") await this.#channel.received(subscriberOf(socket), message);
  }

  /** The other half of the closing: runtimes of compatibility dates before 2026-04-07 leave it to the object. */
  override webSocketClose(socket: WebSocket) {
    subscriberOf(socket).close(1000, "closed");
  }

  override alarm() {
    return this.#channel.alarm();
  }
}

function subscriberOf(socket: WebSocket): Subscriber {
  return {
    subscription: () => socket.deserializeAttachment() as ChannelSubscription, // put there by `fetch`
    keep: (subscription) => socket.serializeAttachment(subscription),
    send: (message) => socket.send(message),
    close: (code, reason) => {
      try {
        socket.close(code, reason);
      } catch {
        // it is closed
      }
    },
  };
}
