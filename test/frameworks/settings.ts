/** What every framework's process has among its variables, beside the address of the API. */
export const SIGNING_KEY = "signkey-test-12345678";

/** Variables of an app that registers at `apiUrl`. */
export function variables(apiUrl: string): Record<string, string> {
  return { INNGEST_SIGNING_KEY: SIGNING_KEY, INNGEST_BASE_URL: apiUrl };
}
