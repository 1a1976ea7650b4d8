import { serve } from "@dotdo/inngest/nitro";
import { defineHandler } from "nitro/h3";
import { makeHandlers } from "../../../shop.js";

export default defineHandler(makeHandlers(serve).plain);
