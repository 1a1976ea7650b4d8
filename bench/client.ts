/** The platform's API over kept connections; the global `fetch` costs this process more than the platform answering. */
import { Agent, request } from "node:http";

export interface BenchEvent {
  name: string;
  data: Record<string, unknown>;
}

/** workerd closes a connection that has been idle for 5 s; a request that meets it then would be lost. */
const IDLE_MS = 3_000;

export class Client {
  readonly url: string;
  readonly #agent: Agent;

  constructor(url: string, connections: number) {
    this.url = url;
    this.#agent = new Agent({ keepAlive: true, maxSockets: connections, timeout: IDLE_MS });
  }

  /** @returns the events' ids */
  async send(events: BenchEvent | BenchEvent[]): Promise<string[]> {
    const { ids } = await this.post<{ ids: string[] }>("/e/bench", JSON.stringify(events));
    return ids;
  }

  get<T>(path: string): Promise<T> {
    return this.#request("GET", path);
  }

  post<T>(path: string, body: string): Promise<T> {
    return this.#request("POST", path, body);
  }

  close(): void {
    this.#agent.destroy();
  }

  #request<T>(method: string, path: string, body?: string): Promise<T> {
    const headers =
      body === undefined ? {} : { "content-type": "application/json", "content-length": Buffer.byteLength(body) };
    return new Promise((resolve, reject) => {
      const sent = request(`${this.url}${path}`, { method, agent: this.#agent, headers }, (response) => {
        let text = "";
        response.setEncoding("utf8");
        response.on("data", (chunk: string) => (text += chunk));
        response.on("error", reject);
        response.on("end", () => {
          if (response.statusCode !== 200)
            return reject(new Error(`${method} ${path}: status ${response.statusCode}: ${text.slice(0, 300)}`));
          resolve((response.headers["content-type"]?.includes("json") ? JSON.parse(text) : text) as T);
        });
      });
      sent.on("error", reject);
      sent.end(body);
    });
  }
}
