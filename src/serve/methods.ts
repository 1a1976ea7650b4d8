/** A handler with itself under the names that file routers look for. */
export function withMethods<Handler extends object>(
  handler: Handler,
): Handler & { GET: Handler; POST: Handler; PUT: Handler } {
  return Object.assign(handler, { GET: handler, POST: handler, PUT: handler });
}
