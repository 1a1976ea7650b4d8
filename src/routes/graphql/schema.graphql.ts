/**
 * What `POST /v0/gql` answers: the part of Inngest's schema that official test suites and tools read, under its names
 * (inngest-protocol §10.5).
 */
export const SCHEMA = /* GraphQL */ `
  scalar Time
  scalar ULID
  scalar UUID
  "JSON as text"
  scalar Bytes
  scalar Map
  scalar Unknown

  type Query {
    apps(filter: AppsFilterV1): [App!]!
    app(id: UUID!): App
    stream(query: StreamQuery!): [StreamItem!]!
    event(query: EventQuery!): Event
    events(query: EventsQuery!): [Event!]
    eventV2(id: ULID!): EventV2!
    eventsV2(first: Int! = 40, after: String, filter: EventsFilter!): EventsConnection!
    functionBySlug(query: FunctionQuery!): Function
    functions: [Function!]
    functionRun(query: FunctionRunQuery!): FunctionRun
    runs(
      first: Int! = 40
      after: String
      orderBy: [RunsV2OrderBy!]!
      filter: RunsFilterV2!
      preview: Boolean
    ): RunsV2Connection!
    run(runID: String!): FunctionRunV2
    runTrace(runID: String!): RunTraceSpan!
    runTraceSpanOutputByID(outputID: String!): RunTraceSpanOutput!
    runTrigger(runID: String!): RunTraceTrigger!
    workerConnections(
      first: Int! = 40
      after: String
      orderBy: [ConnectV1WorkerConnectionsOrderBy!]!
      filter: ConnectV1WorkerConnectionsFilter!
    ): ConnectV1WorkerConnectionsConnection!
    workerConnection(connectionId: ULID!): ConnectV1WorkerConnection
  }

  type Mutation {
    createApp(input: CreateAppInput!): App!
    updateApp(input: UpdateAppInput!): App!
    deleteApp(id: String!): String!
    deleteAppByName(name: String!): Boolean!
    invokeFunction(
      data: Map
      functionSlug: String!
      meta: Map
      user: Map
      debugSessionID: ULID
      debugRunID: ULID
    ): Boolean
    cancelRun(runID: ULID!): FunctionRun!
    rerun(runID: ULID!, fromStep: RerunFromStepInput, debugSessionID: ULID, debugRunID: ULID): ULID!
  }

  input AppsFilterV1 {
    connectionType: AppMethod2
    method: AppMethod
  }
  input StreamQuery {
    after: ID
    before: ID
    limit: Int! = 20
    includeInternalEvents: Boolean
  }
  input EventQuery {
    workspaceId: ID! = "local"
    eventId: ID!
  }
  input EventsQuery {
    workspaceId: ID! = "local"
    lastEventId: ID
  }
  input EventsFilter {
    eventNames: [String!]
    from: Time!
    includeInternalEvents: Boolean! = false
    query: String
    until: Time
  }
  input FunctionQuery {
    workspaceId: ID! = "local"
    functionSlug: String!
  }
  input FunctionRunQuery {
    workspaceId: ID! = "local"
    functionRunId: ID!
  }
  input RunsFilterV2 {
    from: Time!
    until: Time
    timeField: RunsV2OrderByField = QUEUED_AT
    status: [FunctionRunStatus!]
    functionIDs: [UUID!]
    appIDs: [UUID!]
    query: String
  }
  input RunsV2OrderBy {
    field: RunsV2OrderByField!
    direction: RunsOrderByDirection!
  }
  input CreateAppInput {
    url: String!
  }
  input UpdateAppInput {
    id: String!
    url: String!
  }
  input RerunFromStepInput {
    stepID: String!
    input: Bytes
  }
  input ConnectV1WorkerConnectionsFilter {
    from: Time
    until: Time
    timeField: ConnectV1WorkerConnectionsOrderByField = CONNECTED_AT
    status: [ConnectV1ConnectionStatus!]
    appIDs: [UUID!]
  }
  input ConnectV1WorkerConnectionsOrderBy {
    field: ConnectV1WorkerConnectionsOrderByField!
    direction: ConnectV1WorkerConnectionsOrderByDirection!
  }

  enum AppMethod {
    SERVE
    CONNECT
    API
  }
  enum AppMethod2 {
    SERVERLESS
    CONNECT
  }
  enum StreamType {
    EVENT
    CRON
  }
  enum EventStatus {
    RUNNING
    COMPLETED
    PAUSED
    FAILED
    PARTIALLY_FAILED
    NO_FUNCTIONS
  }
  enum FunctionStatus {
    RUNNING
    COMPLETED
    FAILED
    CANCELLED
    QUEUED
    SKIPPED
  }
  enum FunctionRunStatus {
    COMPLETED
    FAILED
    CANCELLED
    RUNNING
    QUEUED
    SKIPPED
  }
  enum FunctionTriggerTypes {
    EVENT
    CRON
  }
  enum RunsV2OrderByField {
    QUEUED_AT
    STARTED_AT
    ENDED_AT
  }
  enum RunsOrderByDirection {
    ASC
    DESC
  }
  enum RunTraceSpanStatus {
    FAILED
    QUEUED
    RUNNING
    COMPLETED
    WAITING
    CANCELLED
    SKIPPED
  }
  enum StepOp {
    INVOKE
    RUN
    SLEEP
    WAIT_FOR_EVENT
    AI_GATEWAY
    WAIT_FOR_SIGNAL
  }
  enum ConnectV1ConnectionStatus {
    CONNECTED
    READY
    DRAINING
    DISCONNECTING
    DISCONNECTED
  }
  enum ConnectV1WorkerConnectionsOrderByField {
    CONNECTED_AT
    LAST_HEARTBEAT_AT
    DISCONNECTED_AT
  }
  enum ConnectV1WorkerConnectionsOrderByDirection {
    ASC
    DESC
  }

  type PageInfo {
    hasNextPage: Boolean!
    hasPreviousPage: Boolean!
    startCursor: String
    endCursor: String
  }

  type App {
    id: ID!
    externalID: String!
    name: String!
    sdkLanguage: String!
    sdkVersion: String!
    framework: String
    url: String
    checksum: String
    error: String
    functions: [Function!]!
    connectionType: AppMethod2!
    method: AppMethod!
    appVersion: String
    connected: Boolean!
    functionCount: Int!
    autodiscovered: Boolean!
  }
  type Function {
    id: String!
    name: String!
    slug: String!
    config: String!
    concurrency: Int!
    triggers: [FunctionTrigger!]
    url: String!
    appID: String!
    app: App!
    isPaused: Boolean!
  }
  type FunctionTrigger {
    type: FunctionTriggerTypes!
    value: String!
    condition: String
  }

  type StreamItem {
    id: ID!
    trigger: String!
    type: StreamType!
    createdAt: Time!
    runs: [FunctionRun]
    inBatch: Boolean!
  }
  type Event {
    id: ULID!
    externalID: String
    name: String
    createdAt: Time
    payload: String
    status: EventStatus
    pendingRuns: Int
    totalRuns: Int
    raw: String
    functionRuns: [FunctionRun!]
  }
  type EventV2 {
    envID: UUID!
    id: ULID!
    idempotencyKey: String
    name: String!
    occurredAt: Time!
    raw: String!
    receivedAt: Time!
    runs: [FunctionRunV2!]!
    version: String
  }
  type EventsConnection {
    edges: [EventsEdge!]!
    pageInfo: PageInfo!
    totalCount: Int!
  }
  type EventsEdge {
    node: EventV2!
    cursor: String!
  }

  type FunctionRun {
    id: ID!
    functionID: String!
    function: Function
    event: Event
    events: [Event!]!
    batchID: ULID
    batchCreatedAt: Time
    status: FunctionStatus
    startedAt: Time
    finishedAt: Time
    output: String
    eventID: ID!
    cron: String
  }
  type FunctionRunV2 {
    id: ULID!
    appID: UUID!
    app: App!
    functionID: UUID!
    function: Function!
    traceID: String!
    queuedAt: Time!
    startedAt: Time
    endedAt: Time
    status: FunctionRunStatus!
    sourceID: String
    triggerIDs: [ULID!]!
    eventName: String
    isBatch: Boolean!
    batchCreatedAt: Time
    cronSchedule: String
    output: Bytes
    trace(preview: Boolean): RunTraceSpan
    hasAI: Boolean!
  }
  type RunsV2Connection {
    edges: [FunctionRunV2Edge!]!
    pageInfo: PageInfo!
    totalCount: Int!
  }
  type FunctionRunV2Edge {
    node: FunctionRunV2!
    cursor: String!
  }

  type RunTraceSpan {
    appID: UUID!
    functionID: UUID!
    runID: ULID!
    run: FunctionRun!
    spanID: String!
    traceID: String!
    name: String!
    status: RunTraceSpanStatus!
    attempts: Int
    duration: Int
    outputID: String
    queuedAt: Time!
    startedAt: Time
    endedAt: Time
    childrenSpans: [RunTraceSpan!]!
    stepOp: StepOp
    stepID: String
    stepType: String
    stepInfo: StepInfo
    isRoot: Boolean!
    parentSpanID: String
    isUserland: Boolean!
    userlandSpan: UserlandSpan
    metadata: [SpanMetadata!]
  }
  type UserlandSpan {
    spanName: String
    spanKind: String
    serviceName: String
    scopeName: String
    scopeVersion: String
    spanAttrs: Bytes
    resourceAttrs: Bytes
  }
  type SpanMetadata {
    scope: String!
    kind: String!
    values: Map!
    updatedAt: Time!
  }
  union StepInfo = InvokeStepInfo | SleepStepInfo | WaitForEventStepInfo | WaitForSignalStepInfo | RunStepInfo
  type InvokeStepInfo {
    triggeringEventID: ULID!
    functionID: String!
    timeout: Time!
    returnEventID: ULID
    runID: ULID
    timedOut: Boolean
  }
  type SleepStepInfo {
    sleepUntil: Time!
  }
  type WaitForEventStepInfo {
    eventName: String!
    expression: String
    timeout: Time!
    foundEventID: ULID
    timedOut: Boolean
  }
  type WaitForSignalStepInfo {
    signal: String!
    timeout: Time!
    timedOut: Boolean
  }
  type RunStepInfo {
    type: String
  }
  type RunTraceSpanOutput {
    input: Bytes
    data: Bytes
    error: StepError
  }
  type StepError {
    message: String!
    name: String
    stack: String
    cause: Unknown
  }
  type RunTraceTrigger {
    eventName: String
    IDs: [ULID!]!
    payloads: [Bytes!]!
    timestamp: Time!
    isBatch: Boolean!
    batchID: ULID
    cron: String
  }

  type ConnectV1WorkerConnectionsConnection {
    edges: [ConnectV1WorkerConnectionEdge!]!
    pageInfo: PageInfo!
    totalCount: Int!
  }
  type ConnectV1WorkerConnectionEdge {
    node: ConnectV1WorkerConnection!
    cursor: String!
  }
  type ConnectV1WorkerConnection {
    id: ULID!
    gatewayId: ULID!
    instanceId: String!
    workerIp: String!
    maxWorkerConcurrency: Int!
    appName: String
    appID: UUID
    app: App
    connectedAt: Time!
    lastHeartbeatAt: Time
    disconnectedAt: Time
    disconnectReason: String
    status: ConnectV1ConnectionStatus!
    groupHash: String!
    sdkLang: String!
    sdkVersion: String!
    sdkPlatform: String!
    syncId: UUID
    buildId: String
    appVersion: String
    functionCount: Int!
    cpuCores: Int!
    memBytes: Int!
    os: String!
  }
`;
