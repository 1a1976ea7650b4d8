import { serve } from "@dotdo/inngest/next";
import { makeHandlers } from "../../../../shop.js";

export const config = { api: { bodyParser: { sizeLimit: "4mb" } } };
export default makeHandlers(serve).streaming;
