/** Every bound of the platform in one place, each with its source. Sizes are bytes, times are milliseconds. */

const KIB = 1024;
const MIB = 1024 * KIB;
const SECOND = 1000;
const MINUTE = 60 * SECOND;
const DAY = 24 * 60 * MINUTE;

/** What a client may send us. */
export const REQUEST_BODY_MAX_BYTES = 16 * MIB; // ours: five largest events, and half the 32 MiB RPC bound
export const EVENT_MAX_BYTES = 3 * MIB; // inngest/inngest pkg/consts, absolute maximum
export const EVENTS_PER_REQUEST_MAX = 5000; // inngest/inngest pkg/api
export const EVENT_NAME_MAX_BYTES = 512; // inngest/inngest pkg/event
export const SIGNAL_NAME_MAX_BYTES = 512; // ours: it is part of the name of an object
export const DEFERS_PER_RUN_MAX = 20; // inngest/inngest pkg/execution/defers
export const DEFERS_INPUT_MAX_BYTES = 4 * MIB; // inngest/inngest pkg/execution/defers, of one run
export const DEFER_META_MAX_BYTES = 32 * KIB; // inngest/inngest pkg/execution/defers
export const METADATA_PER_SPAN_MAX_BYTES = 64 * KIB; // inngest/inngest pkg/consts, of one run, step or span
export const METADATA_PER_RUN_MAX_BYTES = 1 * MIB; // inngest/inngest pkg/consts, of a run and all its steps
export const METADATA_KIND_MAX_BYTES = 128; // ours: it is part of a key
export const SCORE_NAME_MAX_BYTES = 128; // inngest/inngest-js, components/InngestScore.ts
export const SCORES_PER_REQUEST_MAX = 100; // inngest/inngest v2 API
export const TRACES_BODY_MAX_BYTES = 8 * MIB; // inngest/inngest pkg/api, as it comes and unpacked
export const TRACE_RUNS_PER_REQUEST_MAX = 200; // ours: each is two requests to objects
export const SPAN_MAX_BYTES = 64 * KIB; // ours
export const SPANS_PER_RUN_MAX = 1000; // ours
export const SPANS_PER_RUN_MAX_BYTES = 4 * MIB; // ours: all are in one answer
export const LOG_LINE_MAX_BYTES = 4 * KIB; // ours: the text of one line
export const LOG_LINES_MAX = 100; // ours: of one attempt of a step, and of the code between two things that are stored
export const LOG_MAX_BYTES = 32 * KIB; // ours: of the same, as JSON
export const LOGS_PER_RUN_MAX_BYTES = 1 * MIB; // ours: as JSON
export const EVENT_ID_MAX_BYTES = 512; // ours: keeps a dedupe row small
export const EVENT_TS_MIN = Date.UTC(1980, 0, 1); // inngest/inngest pkg/event
export const EVENT_TS_MAX = Date.UTC(2100, 0, 1); // inngest/inngest pkg/event
export const SESSIONS_PER_EVENT_MAX = 5; // inngest/inngest pkg/consts
export const SESSION_KEY_MAX_BYTES = 128; // inngest/inngest pkg/consts
export const SESSION_ID_MAX_BYTES = 512; // inngest/inngest pkg/consts
export const TRIGGER_EVENT_NAME_MAX_BYTES = 255; // inngest/inngest pkg/inngest/trigger.go
export const TRIGGERS_PER_FUNCTION_MAX = 10; // inngest/inngest pkg/inngest/function.go
export const FLOW_PERIOD_MIN_MS = 1 * SECOND; // inngest/inngest pkg/inngest: periods of flow control
export const CONCURRENCY_LIMITS_MAX = 2; // inngest/inngest pkg/consts, per function
export const THROTTLE_PERIOD_MAX_MS = 7 * DAY; // inngest/inngest pkg/consts
export const RATE_LIMIT_PERIOD_MAX_MS = 1 * DAY; // inngest/inngest pkg/consts
export const IDEMPOTENCY_PERIOD_MS = 1 * DAY; // inngest/inngest pkg/consts
export const DEBOUNCE_PERIOD_MAX_MS = 7 * DAY; // inngest/inngest pkg/consts
export const BATCH_SIZE_MAX = 1000; // ours: a batch is one run's input; Inngest's plans stop at 500
export const BATCH_TIMEOUT_MAX_MS = 7 * DAY; // ours: as a debounce
export const CANCEL_TRIGGERS_MAX = 5; // inngest/inngest pkg/consts, per function
export const BATCH_MAX_BYTES = 10 * MIB; // inngest/inngest pkg/execution/batch: a batch of this size starts at once
export const PRIORITY_MAX_S = 12 * 60 * 60; // inngest/inngest pkg/consts, either way
export const SCHEDULES_MAX = 10_000; // ours: in an environment; one object has them all
export const SCHEDULE_ID_MAX_BYTES = 255; // ours: it is part of the names of objects
export const SCHEDULE_DATA_MAX_BYTES = 256 * KIB; // ours: a row is written anew at each tick
export const SCHEDULES_LIST_MAX = 100; // ours: in one answer
export const SCHEDULE_CATCH_UP_MAX = 1000; // ours: missed ticks that are made up; the rest is counted
export const SCHEDULE_LATE_MS = 60 * SECOND; // ours: an alarm may come a minute late, and no more than that is a downtime
export const ENVIRONMENTS_MAX = 100; // ours: beside `main`; the minute's cron sees to all of them in turn
export const ID_SEED_MAX_SKEW_MS = DAY; // ours: a seed outside is ignored, so a log object's day is near its receipt

/** What an app may report. */
export const STEP_OUTPUT_MAX_BYTES = 4 * MIB; // inngest/inngest pkg/consts
export const RUN_OUTPUT_MAX_BYTES = STEP_OUTPUT_MAX_BYTES; // ours: it is the step output of whoever invoked the run
export const STEP_ID_MAX_BYTES = 1 * KIB; // ours: an id is a name, not a payload
export const STEPS_PER_RUN_MAX = 10_000; // inngest/inngest pkg/consts, absolute maximum
export const RUN_STATE_HTTP_MAX_BYTES = 32 * MIB; // inngest/inngest pkg/consts
export const RUN_STATE_DISK_MAX_BYTES = 1024 * MIB; // ours: a tenth of an object's 10 GB
export const CALL_BODY_LARGEST_BYTES = 48 * MIB; // ours: run state over HTTP and the largest request of events beside it
export const JSON_DEPTH_MAX = 1_000; // ours: what walks a value uses the stack
export const REPLY_MAX_BYTES = 8 * MIB; // inngest/inngest pkg/consts, SDK response
export const CALL_BODY_MAX_BYTES = 4 * MIB; // inngest/inngest: past it `use_api` is set
export const SLEEP_MAX_MS = 366 * DAY; // inngest/inngest pkg/consts
export const RETRIES_MAX = 20; // inngest/inngest pkg/consts
export const RETRY_DELAY_MIN_MS = 1 * SECOND; // inngest/inngest pkg/consts, for retry-after
export const RETRY_DELAY_MAX_MS = 1 * DAY; // inngest/inngest pkg/consts, for retry-after
export const INVOKE_TIMEOUT_DEFAULT_MS = 365 * DAY; // inngest SDK spec §5: one year
export const ERROR_TEXT_MAX_CHARS = 8 * KIB; // ours: message and stack of an error, each
export const ERROR_CAUSES_MAX = 5; // inngest/inngest-js, serializeError

/** What the platform holds us to (cloudflare-facts §4, §5). */
export const SQL_VALUE_MAX_BYTES = 1_900_000; // 2 MB in production, not enforced locally
export const QUEUE_INLINE_MAX_BYTES = 100_000; // message bound is 128,000 with about 100 of metadata
export const CALL_TIMEOUT_MS = 15 * MINUTE; // wall time of a consumer or alarm invocation in production
export const CALL_TIMEOUT_DEV_MS = 2 * 60 * MINUTE; // inngest/inngest: request duration
export const SYNC_TIMEOUT_MS = 10 * SECOND; // inngest/inngest pkg/deploy

/** Realtime (inngest-protocol §8). */
export const REALTIME_MESSAGE_MAX_BYTES = 512 * KIB; // inngest/inngest pkg/consts
export const REALTIME_CHUNK_MAX_BYTES = 1 * KIB; // inngest/inngest pkg/consts, of a stream
export const REALTIME_CHUNKS_MAX = 1000; // inngest/inngest pkg/consts, in a stream
export const REALTIME_TOKEN_MS = 1 * MINUTE; // inngest/inngest pkg/execution/realtime: to connect within; the connection outlives it
export const REALTIME_SSE_MAX_MS = 15 * MINUTE; // inngest/inngest pkg/execution/realtime
export const REALTIME_SSE_BUFFER_MAX_BYTES = 4 * MIB; // ours: messages that a slow reader has not taken
export const REALTIME_KEEP_ALIVE_MS = 45 * SECOND; // ours: proxies end a connection after a minute or more of silence
export const REALTIME_FORWARD_MS = 5 * SECOND; // ours: how long a publication waits for other channels' objects
export const REALTIME_WAITING_MAX = 1000; // ours: messages that wait for another channel's object
export const STREAM_LOOK_MS = 20 * SECOND; // ours: how long an object is asked at a time whether something has changed
export const STREAM_MAX_MS = 10 * MINUTE; // ours: then a reader connects anew
export const STREAM_LOOKS_MAX = 900; // ours: requests of objects by one stream, below the 1,000 that an invocation may make
export const STREAMS_MAX = 100; // ours: streams of one isolate, which shares 128 MB with everything else
export const STREAM_BEAT_MS = 15 * SECOND; // ours: proxies end a connection after half a minute or more of silence
export const STREAM_STEP_MAX_BYTES = 64 * KIB; // ours: input and output of a step, each; a larger one is read with its run
export const CHANNEL_NAME_MAX_BYTES = 512; // ours: it is part of the name of an object
export const TOPIC_NAME_MAX_BYTES = 255; // ours
export const SUBSCRIPTION_MAX_BYTES = 8 * KIB; // ours: half of what is kept with a socket that sleeps
export const CHANNEL_SUBSCRIBERS_MAX = 10_000; // ours: a third of the sockets that an object may have
export const CHANNEL_HOMES_MAX = 1000; // ours: a tenth of the requests that an invocation may make

/** Durability timing of the engine (design §2–§4). */
export const WATCHDOG_MS = 20 * SECOND; // an activation without an alarm dies silently after 65–140 s
export const ALARM_HOLD_MS = 9 * MINUTE; // an alarm handler may run 15 minutes; it hands over well before
export const ACTIVATION_MAX_STEPS = 1000; // steps executed in one activation before the next begins
export const RESEND_AFTER_MS = 15 * SECOND;
export const RESENDS_MAX = 5;
export const LOOKBACK_MARGIN_MS = 1 * SECOND; // clocks of two objects may differ
export const DEDUPE_WINDOW_MS = 1 * DAY; // inngest/inngest: idempotency is kept for 24 h
export const REDELIVERY_HORIZON_MS = 7 * DAY; // no event older than this starts a run
export const RETENTION_DEFAULT_MS = 30 * DAY;
export const RETENTION_MIN_MS = REDELIVERY_HORIZON_MS;
export const FLAG_LINGER_MS = 60 * MINUTE; // a name stays flagged as waited for, an hour after its last wait

/** People (design §10). */
export const SIGN_IN_MS = 12 * 60 * MINUTE; // ours: a working day
export const AUDIT_ENTRIES_MAX = 10_000; // ours: of an environment, the newest
export const AUDIT_RETENTION_MS = 90 * DAY; // ours

/** Workers that dial in over a WebSocket (inngest-protocol §7). */
export const CONNECT_HELLO_MS = 5 * SECOND; // inngest/inngest pkg/connect: a worker says who it is
export const CONNECT_HEARTBEAT_MS = 10 * SECOND; // inngest/inngest pkg/consts
export const CONNECT_SILENCE_MAX_MS = 45 * SECOND; // ours: four heartbeats that did not come
export const CONNECT_ACK_MS = 10 * SECOND; // ours: a worker acknowledges a request at once
export const CONNECT_LEASE_EXTEND_MS = 30 * SECOND; // inngest/inngest pkg/consts
export const CONNECT_LEASE_MS = 2 * MINUTE; // inngest/inngest pkg/consts
export const CONNECT_LEASE_GRACE_MS = 5 * SECOND; // inngest/inngest pkg/consts
export const CONNECT_NO_WORKER_MS = 5 * MINUTE; // ours: a call waits so long for a worker before that is a failed attempt
export const CONNECT_NO_ROOM_MS = 60 * MINUTE; // ours: and so long for one that is not busy
export const CONNECT_APPS_MAX = 10; // inngest/inngest: apps of one connection
export const CONNECT_SESSION_MS = 5 * MINUTE; // inngest/inngest: from start to the socket
