/** Tools for steps that belong together. */
export interface GroupTools {
  /**
   * Steps started inside the callback race: the handler goes on as soon as one of them is done, on servers that
   * otherwise wait for all. Losing steps are not cancelled.
   *
   * Without AsyncLocalStorage only steps started before the callback first awaits are known to be inside.
   *
   * @example
   * const winner = await group.parallel(() => Promise.race([step.run("a", a), step.run("b", b)]));
   */
  parallel<T>(callback: () => Promise<T>): Promise<T>;
  parallel<T>(options: ParallelOptions, callback: () => Promise<T>): Promise<T>;
}

export interface ParallelOptions {
  /** Default `race`, and there is no other */
  mode?: "race";
}

/** @param inMode runs code whose steps get the mode */
export function groupTools(inMode: <R>(mode: "race", code: () => R) => R): GroupTools {
  return {
    parallel: async <T>(first: ParallelOptions | (() => Promise<T>), second?: () => Promise<T>): Promise<T> => {
      const [options, callback] = typeof first === "function" ? [{}, first] : [first, second];
      if (typeof callback !== "function") throw new TypeError(`group.parallel: ${typeof callback} is not a function`);
      const mode: unknown = options.mode ?? "race";
      if (mode !== "race") throw new TypeError(`group.parallel: mode: ${JSON.stringify(mode)} is not "race"`);
      return inMode(mode, callback);
    },
  };
}
