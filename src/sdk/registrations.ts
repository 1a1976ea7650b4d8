import type { Inngest } from "./client.ts";
import type { FunctionOwner, InngestFunction, Registration } from "./function.ts";

/**
 * What the functions of an app register, by id.
 *
 * @param where names the caller in errors, such as `serve`
 * @throws TypeError when a function is not one, is given twice, has the id of another, or was made by another client of
 * the same id, whose middleware and schemas it would not have in common
 */
export function registrationsOf(
  client: FunctionOwner & Partial<Pick<Inngest, "option">>,
  functions: readonly InngestFunction<unknown, object>[],
  where: string,
): Map<string, Registration> {
  const captureLogs = client.option?.("captureLogs");
  if (captureLogs !== undefined && captureLogs !== "logger" && typeof captureLogs !== "boolean")
    throw new TypeError(
      `${where}: the client's captureLogs: ${JSON.stringify(captureLogs)} is none of true, false and "logger"`,
    );
  if (!Array.isArray(functions)) throw new TypeError(`${where}: functions: not a list of functions`);
  const registrations = new Map<string, Registration>();
  for (const [index, fn] of functions.entries()) {
    const at = `${where}: functions[${index}]`;
    if (typeof fn?.registrations !== "function")
      throw new TypeError(
        `${at} is ${fn === undefined ? "undefined; do two modules import each other?" : "not made by createFunction"}`,
      );
    const first = functions.indexOf(fn);
    if (first < index) throw new TypeError(`${at} is functions[${first}] again, ${JSON.stringify(fn.id(client.id))}`);
    if (fn.owner !== client && fn.owner?.id === client.id)
      throw new TypeError(
        `${at}, ${JSON.stringify(fn.id())}, was made by another client of the id ${JSON.stringify(client.id)}; make one client and import it where it is needed`,
      );
    for (const registration of fn.registrations(client.id)) {
      const other = registrations.get(registration.id);
      if (other !== undefined)
        throw new TypeError(
          `${where}: functions "${other.name}" and "${registration.name}" both have the id ${JSON.stringify(registration.id)}`,
        );
      registrations.set(registration.id, registration);
    }
  }
  return registrations;
}
