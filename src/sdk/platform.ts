/** What a runtime hands over beside a request, or beside a run inside a Worker. */
export interface RequestPlatform {
  /** bindings and variables of a Worker; elsewhere variables, or nothing */
  env?: unknown;
  /** keeps the runtime up until the promise has settled, where it would not wait */
  waitUntil?: (promise: Promise<unknown>) => void;
}
