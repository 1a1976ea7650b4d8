/** Where the served fixture apps are; each test file has a host of its own, so that files at the same time do not mix. */
export const APP_ORIGIN = `http://${crypto.randomUUID()}.app.test`;
export const APP_URL = `${APP_ORIGIN}/api/inngest`;
/** The same functions under the client id `telling`, which tells of each step while its call goes on. */
export const TELLING_APP_URL = `${APP_ORIGIN}/telling`;
/** The same functions under the client id `signed`, in cloud mode. */
export const SIGNED_APP_URL = `${APP_ORIGIN}/signed`;
export const SIGNED_APP_KEY = "signkey-test-abcdef0123456789";
