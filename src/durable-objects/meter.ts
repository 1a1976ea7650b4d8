/** Counts what Cloudflare bills, so that a test can hold it to the budget of design §8. */
export const meter = {
  /** as each statement reports it, definitions included */
  rowsWritten: 0,
  /** `setAlarm` is billed as a row; `deleteAlarm` is not on the price list */
  alarmsSet: 0,
  objectRequests: 0,
  queueMessages: 0,
};
