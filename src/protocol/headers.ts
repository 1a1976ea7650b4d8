/** Header names of the wire (inngest-protocol §0.1). HTTP headers compare without case. */
export const headers = {
  sdk: "x-inngest-sdk",
  framework: "x-inngest-framework",
  platform: "x-inngest-platform",
  env: "x-inngest-env",
  serverKind: "x-inngest-server-kind",
  expectedServerKind: "x-inngest-expected-server-kind",
  signature: "x-inngest-signature",
  requestVersion: "x-inngest-req-version",
  noRetry: "x-inngest-no-retry",
  retryAfter: "retry-after",
  syncKind: "x-inngest-sync-kind",
  eventIdSeed: "x-inngest-event-id-seed",
  runId: "x-run-id",
  stepId: "x-inngest-step-id",
  requestId: "x-request-id",
  jobId: "x-inngest-job-id",
  generationId: "x-inngest-generation-id",
  /** endpoints only: as `ctx.disable_immediate_execution` */
  forceStepPlan: "x-inngest-force-step-plan",
  traceParent: "traceparent",
  traceState: "tracestate",
  accountId: "account-id",
  /** Ours: the server is @dotdo/inngest, so our client may mark parallel steps `race` (design §4). */
  dotdo: "x-dotdo-inngest",
} as const;

/** Which kind of server speaks, as official SDKs compare it with their own mode (inngest-protocol §0.1). */
export type ServerKind = "dev" | "cloud";
