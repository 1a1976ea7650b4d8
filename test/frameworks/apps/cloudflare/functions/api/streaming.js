import { serve } from "@dotdo/inngest/cloudflare";
import { makeHandlers } from "../../../shop.js";

export const onRequest = makeHandlers(serve).streaming;
