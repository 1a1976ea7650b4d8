import { serve } from "@dotdo/inngest/next";
import { makeHandlers } from "../../../../shop.js";

export const { GET, POST, PUT } = makeHandlers(serve).streaming;
