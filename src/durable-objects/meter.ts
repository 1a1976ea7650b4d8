/** Counts what Cloudflare bills, and what an object does for it, so that a test can hold it to the budget of design §8. */
export const meter = {
  /** as each statement reports it, definitions included */
  rowsWritten: 0,
  /** `setAlarm` is billed as a row; `deleteAlarm` is not on the price list */
  alarmsSet: 0,
  objectRequests: 0,
  queueMessages: 0,
  /** objects that have stored something for the first time: a file of their own, the dearest thing there is locally */
  objectsCreated: 0,
  /** SQL that objects have executed; the two of a transaction count as one */
  statements: 0,
};
