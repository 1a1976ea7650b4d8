/** Only compiled: handlers are assigned to what each framework asks for, by its own name for it. */
import { serve as serveAstro } from "@dotdo/inngest/astro";
import { serve as serveDeno } from "@dotdo/inngest/deno";
import type { ServeOptions } from "./apps/shop.js";
import { serve as serveExpress } from "@dotdo/inngest/express";
import fastifyPlugin, { serve as serveFastify } from "@dotdo/inngest/fastify";
import { serve as serveH3 } from "@dotdo/inngest/h3";
import { serve as serveHono } from "@dotdo/inngest/hono";
import { serve as serveKoa } from "@dotdo/inngest/koa";
import { serve as serveNext } from "@dotdo/inngest/next";
import { createServer, serve as serveNode } from "@dotdo/inngest/node";
import { serve as serveRemix } from "@dotdo/inngest/remix";
import { serve as serveSvelteKit } from "@dotdo/inngest/sveltekit";
import type { RequestHandler as SvelteKitHandler } from "@sveltejs/kit";
import type { APIRoute } from "astro";
import type { RequestHandler as ExpressHandler } from "express";
import type { FastifyPluginCallback, RouteHandlerMethod } from "fastify";
import type { EventHandler } from "h3";
import type { EventHandler as EventHandlerV1 } from "h3-v1";
import type { Handler as HonoHandler } from "hono";
import type { Middleware } from "koa";
import type { NextRequest } from "next/server.js";
import type { RequestListener } from "node:http";
import type { ActionFunction, LoaderFunction } from "react-router";

declare const options: ServeOptions;

/** As `next build` checks a route's exports. */
type NextRoute = (request: NextRequest, context: { params: Promise<Record<string, string>> }) => Promise<Response>;

export const express: ExpressHandler = serveExpress(options);
export const node: RequestListener = serveNode(options);
export const server: { listen(port: number, listening: () => void): unknown } = createServer(options);
export const fastify: RouteHandlerMethod = serveFastify(options);
export const plugin: FastifyPluginCallback<{ client: ServeOptions["client"]; functions: ServeOptions["functions"] }> =
  fastifyPlugin;
export const koa: Middleware = serveKoa(options);
export const hono: HonoHandler = serveHono(options);
export const h3: EventHandler = serveH3(options);
export const h3v1: EventHandlerV1 = serveH3(options);
export const appRoutes: Record<"GET" | "POST" | "PUT", NextRoute> = serveNext(options);
export const astro: Record<"GET" | "POST" | "PUT", APIRoute> = serveAstro(options);
export const sveltekit: Record<"GET" | "POST" | "PUT", SvelteKitHandler> = serveSvelteKit(options);
export const loader: LoaderFunction = serveRemix(options);
export const action: ActionFunction = serveRemix(options);
export const deno: (request: Request, info: { remoteAddr: object }) => Promise<Response> = serveDeno(options);
