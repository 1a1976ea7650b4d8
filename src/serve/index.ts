/** For adapters of one's own. */
export {
  InngestCommHandler,
  type ActionResponse,
  type HandlerResponse,
  type ServeHandlerOptions,
} from "./comm-handler.ts";
export { createHandler, type ServeHandler, type ServeOptions } from "./handler.ts";
export type { RequestPlatform } from "../sdk/platform.ts";
