/** What became of a call that went to a worker: its answer, or why there is none. */
export type WorkerResult =
  | {
      kind: "answered";
      status: 200 | 206 | 500;
      body: string;
      noRetry: boolean;
      retryAfter: string | null;
      sdk: string;
      version: number;
    }
  | {
      kind: "failed";
      code:
        | "connect_no_healthy_connection"
        | "connect_all_workers_at_capacity"
        | "connect_worker_stopped_responding"
        | "output_too_large";
      message: string;
    };
