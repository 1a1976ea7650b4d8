/** Thrown to the caller of an object that was reset while it was asked. */
export class ObjectReset extends Error {
  override name = "ObjectReset";
}

/** One stretch of time in which an object, or an invocation, is in memory. What it still does after its end is not noticed. */
export class Life {
  readonly #atEnd: (() => void)[] = [];
  #isOver = false;

  get isOver(): boolean {
    return this.#isOver;
  }

  /** Calls back when it ends. */
  onEnd(task: () => void): void {
    this.#atEnd.push(task);
  }

  end(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    for (const task of this.#atEnd) task();
  }

  /** As the promise, while it lasts; afterwards never. */
  within<T>(promise: Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      promise.then(
        (value) => this.#isOver || resolve(value),
        (error: unknown) => this.#isOver || reject(error),
      );
    });
  }
}
