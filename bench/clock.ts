/** Epoch milliseconds with parts of them, in step with the clock that workerd and other processes read. */
let offset = performance.timeOrigin;

export function now(): number {
  return offset + performance.now();
}

/** Reads the system's clock at one of its ticks: two clocks of one machine may drift apart in the minutes of a run. */
export function syncClock(): void {
  const before = Date.now();
  let at = before;
  while (at === before) at = Date.now();
  offset = at - performance.now();
}
