/** Anything that users send: never trusted to have a shape. */
export type Json = null | boolean | number | string | Json[] | { [name: string]: Json };

/** An error as apps report it; its cause may be one, too. */
export interface WireError {
  name?: string;
  message?: string;
  stack?: string;
  cause?: Json;
}
