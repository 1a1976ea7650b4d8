import { serve } from "@dotdo/inngest/astro";
import { makeHandlers } from "../../../../shop.js";

export const prerender = false;
export const { GET, POST, PUT } = makeHandlers(serve).plain;
