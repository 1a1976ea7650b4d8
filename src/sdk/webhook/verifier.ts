/** What a verifier is given: a request whose body has been read, and nothing that is not part of the delivery. */
export interface UnverifiedDelivery {
  method: string;
  headers: Headers;
  query: URLSearchParams;
  /** the body, byte for byte */
  bytes: Uint8Array<ArrayBuffer>;
  /** epoch ms */
  now: number;
  /** a variable as the webhook's client sees it: of the Worker, else of the process */
  variable(name: string): string | undefined;
}

/**
 * `genuine`: the provider sent it; `deliveryId` is the same for each repetition and of nothing else. `refused`: says what
 * is wrong, without anything secret. `answered`: genuine, and nothing but a question to the webhook itself.
 */
export type Verdict =
  | { kind: "genuine"; deliveryId?: string }
  | { kind: "refused"; why: string }
  | { kind: "answered"; response: Response };

/**
 * Tells whether a delivery comes from whom it should. Throws only when it cannot know, for want of a secret: the webhook
 * then answers 500, and the provider repeats.
 */
export type Verifier = (delivery: UnverifiedDelivery) => Verdict | Promise<Verdict>;

/**
 * A secret that is shared with the provider; several while it is being changed: any of them will do. A function is asked
 * at each delivery: `() => env.STRIPE_SECRET`, or `(variable) => [variable("NEW"), variable("OLD")]`.
 */
export type Secret =
  | string
  | readonly string[]
  | ((variable: UnverifiedDelivery["variable"]) => string | readonly (string | undefined)[] | undefined);

/**
 * The secrets to try, in order.
 *
 * @param variable name of the variable that is read when there is no option
 * @throws TypeError saying what to set, when there is none
 */
export function secretsOf(
  option: Secret | undefined,
  delivery: UnverifiedDelivery,
  verifier: string,
  variable?: string,
): string[] {
  const given =
    typeof option === "function"
      ? option(delivery.variable)
      : (option ?? (variable === undefined ? undefined : delivery.variable(variable)));
  const secrets = [given].flat().flatMap((secret) => secret || []);
  if (secrets.length > 0) return secrets;
  const remedy = variable === undefined ? "" : `set ${variable}, or `;
  throw new TypeError(`${verifier}: no secret: ${remedy}give the option a text, a list or a function that returns one`);
}
