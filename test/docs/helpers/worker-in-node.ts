/**
 * What examples find as `@dotdo/inngest/worker` while they are loaded in Node, where objects cannot run: the functions given
 * to `createWorker` are run by the test, on the platform in memory. The types they are checked with are the real ones.
 */
export const createWorker = (options: object) => ({ options });
export const [StepDO, EventDO, ConcurrencyDO, RegistryDO, HistoryDO, ChannelDO, ConnectDO, HttpCall] = Array.from(
  { length: 7 },
  () => class {},
);
