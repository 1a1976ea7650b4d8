/** Requests that wait to be carried elsewhere, and answers that are carried back. */
export interface Letter {
  id: number;
  method: string;
  url: string;
  headers: [string, string][];
  body: string | null;
}

export interface Answer {
  id: number;
  status: number;
  headers: [string, string][];
  body: string;
}

const TAKE_WITHIN_MS = 200;

export class Mailbox {
  readonly #waiting: Letter[] = [];
  readonly #open = new Map<number, (response: Response) => void>();
  #arrived = Promise.withResolvers<void>();
  #last = 0;

  /** Resolves with the answer that is carried back. */
  async carry(request: Request): Promise<Response> {
    const { method, url, headers } = request;
    const body = method === "GET" ? null : await request.text();
    const id = ++this.#last;
    this.#waiting.push({ id, method, url, headers: [...headers], body });
    this.#arrived.resolve();
    return new Promise((resolve) => this.#open.set(id, resolve));
  }

  /** All that waits; empty when nothing arrives for a while. */
  async take(): Promise<Letter[]> {
    const late = Promise.withResolvers<void>();
    const timer = setTimeout(() => late.resolve(), TAKE_WITHIN_MS);
    if (this.#waiting.length === 0) await Promise.race([this.#arrived.promise, late.promise]);
    clearTimeout(timer);
    this.#arrived = Promise.withResolvers<void>();
    return this.#waiting.splice(0);
  }

  answer({ id, status, headers, body }: Answer): void {
    this.#open.get(id)?.(new Response(body, { status, headers }));
    this.#open.delete(id);
  }
}
