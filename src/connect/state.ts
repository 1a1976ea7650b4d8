/** How a worker's connection stands. */
export const ConnectionState = {
  CONNECTING: "CONNECTING",
  ACTIVE: "ACTIVE",
  PAUSED: "PAUSED",
  RECONNECTING: "RECONNECTING",
  CLOSING: "CLOSING",
  CLOSED: "CLOSED",
} as const;

export type ConnectionState = (typeof ConnectionState)[keyof typeof ConnectionState];

/** A call that a worker executes. */
export interface InFlightRequest {
  requestId: string;
  runId: string;
  stepId: string | undefined;
  appId: string;
  envId: string;
  functionSlug: string;
  accountId: string;
  /** epoch ms */
  leaseAcquiredAt?: number;
  leaseLastExtendedAt?: number;
}

/** What a worker's connection is doing, for people. */
export interface ConnectDebugState {
  state: ConnectionState;
  activeConnectionId: string | undefined;
  /** a connection that the gateway asked to be replaced */
  drainingConnectionId: string | undefined;
  /** epoch ms; undefined before the first */
  lastHeartbeatSentAt: number | undefined;
  lastHeartbeatReceivedAt: number | undefined;
  lastMessageReceivedAt: number | undefined;
  shutdownRequested: boolean;
  inFlightRequestCount: number;
  inFlightRequests: InFlightRequest[];
}

/** A worker that is connected, or connects again. */
export interface WorkerConnection {
  /** of the connection that stands now; throws while there is none */
  readonly connectionId: string;
  /** resolves when it was closed, and all it executed has been answered */
  readonly closed: Promise<void>;
  /** Takes no more calls, finishes those that it has, and goes. */
  close(): Promise<void>;
  readonly state: ConnectionState;
  getDebugState(): ConnectDebugState;
}
