/** Where the served fixture apps are; known on both sides. */
export const APP_URL = "http://app.test/api/inngest";
/** The same functions under the client id `signed`, in cloud mode. */
export const SIGNED_APP_URL = "http://app.test/signed";
export const SIGNED_APP_KEY = "signkey-test-abcdef0123456789";
