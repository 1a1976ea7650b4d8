import { serve } from "@dotdo/inngest/sveltekit";
import { makeHandlers } from "../../../../../shop.js";

export const { GET, POST, PUT } = makeHandlers(serve).streaming;
