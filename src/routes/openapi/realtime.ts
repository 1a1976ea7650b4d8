import * as z from "zod";
import { tokenRequestSchema } from "../../protocol/realtime.ts";
import { publicationSchema } from "../realtime.ts";
import { anyJson, type Group } from "./operation.ts";

const { channel, run_id, metadata } = publicationSchema.shape;
const tokenQuery = z.object({ token: z.string().optional().describe("Or as bearer") });
const topic = z.array(z.string()).describe("May be given more than once");

export const realtime: Group = {
  name: "Realtime",
  says: "Channels to browsers: docs/realtime.md.",
  operations: [
    {
      at: "POST /v1/realtime/token",
      id: "createRealtimeToken",
      says: "A token with which a browser may subscribe to these topics",
      body: tokenRequestSchema,
      status: 201,
      answer: z.object({ jwt: z.string() }),
    },
    {
      at: "POST /v1/realtime/publish",
      id: "publish",
      says: "Tells the subscribers of topics something",
      more: "A body of `text/stream` is published as it comes.",
      query: z.object({ channel, topic, run_id, metadata }),
      body: anyJson,
      answer: z.object({ ok: z.literal(true) }),
    },
    {
      at: "POST /v1/realtime/publish/tee",
      id: "publishStream",
      says: "Carries bytes to the subscribers of a channel's stream",
      query: z.object({ channel }),
      body: anyJson,
      answer: z.object({ ok: z.literal(true) }),
    },
    {
      at: "GET /v1/realtime/connect",
      id: "subscribe",
      says: "Subscribes by WebSocket",
      query: tokenQuery,
      answer: null,
      errors: { 426: "It is no WebSocket's handshake" },
      security: "token",
    },
    {
      at: "GET /v1/realtime/sse",
      id: "subscribeToEvents",
      says: "Subscribes by server-sent events",
      query: tokenQuery,
      answer: z.string(),
      answerType: "text/event-stream",
      security: "token",
    },
  ],
};
