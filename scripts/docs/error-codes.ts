/** What each error `code` means and what to do about it: the source of docs/errors.md, which test/docs compares with src/. */
export interface ErrorGroup {
  title: string;
  /** where errors of the group are seen */
  where: string;
  codes: Record<string, { means: string; remedy: string }>;
}

export const errorGroups: readonly ErrorGroup[] = [
  {
    title: "Sending events",
    where: "Thrown by `inngest.send` and `step.sendEvent`, or in the JSON that a webhook answers.",
    codes: {
      event_invalid: {
        means:
          "An event is not as it must be: a field has the wrong form, is over its bound, or `data` does not pass the schema of its event. Nothing of the request was accepted. In a handler it means that the received event, or one that a step waited for, does not pass the schema; that is not tried again.",
        remedy:
          "Read the message: it names field, value and bound. `EventValidationError` has each finding in `issues`. If old events no longer pass a schema that you changed, let the schema take both forms.",
      },
      sessions_invalid: {
        means:
          "`meta.sessions` of an event to send, or of an invocation, is not as it must be: a session's id is neither a string nor a number, a key or id is empty or over its bound, or there are more than five. Nothing was sent.",
        remedy:
          "Read the message: it names field, value and bound. null instead of an id keeps an event from inheriting the key.",
      },
      send_failed: {
        means:
          "The events were not delivered (`SendError`): the platform could not be reached, or refused them, also after five attempts on network errors, 429 and 5xx. `status` is what it answered; `ids` are those that were accepted all the same. A webhook answers it with 503, so that its provider delivers again.",
        remedy:
          "Check `INNGEST_BASE_URL` or `INNGEST_DEV`, and the event key. To repeat a send safely, give the events an `id`, or the send a `seed`.",
      },
      signal_failed: {
        means:
          "A signal was refused, or the platform did not answer (`SendSignalError`): then it may have arrived all the same. `status` is what the platform answered.",
        remedy:
          "Check `INNGEST_BASE_URL` or `INNGEST_DEV`, and the signing key. To repeat one is safe: a step takes one signal.",
      },
      realtime_failed: {
        means:
          "A realtime message was refused, a token was not given, or a connection could not be made (`RealtimeError`). `status` is what the platform answered, if it did.",
        remedy:
          "Check `INNGEST_BASE_URL` or `INNGEST_DEV`, and the signing key; in a browser whether the token is less than a minute old. Publishing again is safe, but the message may come twice.",
      },
      body_invalid: {
        means: "A webhook delivery's body is not what its content type says, such as broken JSON. Answered with 400.",
        remedy: "Look at what the provider sends; a delivery cannot be read half.",
      },
      not_genuine: {
        means:
          "A webhook delivery failed verification: no signature, a wrong one, or one that is too old. Answered with 401. Without a secret nothing can be verified: that is `internal_error`, 500, so that the provider delivers again.",
        remedy:
          "Set the secret of this very endpoint, and the one before it too while you change it. Check that nothing between provider and app rewrites the body, and that the clock is right.",
      },
      transform_failed: {
        means:
          "The webhook's `transform` threw. Answered with 500, so that the provider delivers again, or with 400 when it threw `NonRetriableError`.",
        remedy: "See the app's log for the error. Return `null` for deliveries that are no event of yours.",
      },
      events_refused: {
        means: "What the webhook's `transform` returned are no acceptable events. Answered with 400 or 500.",
        remedy: "Make `transform` return `{ name, data }` or a list of them, within the limits of events.",
      },
    },
  },
  {
    title: "Handlers, steps and runs",
    where: "In the error of a step or run (`GET /v1/runs/<id>`), or thrown where the mistake is written.",
    codes: {
      time_invalid: {
        means: "A duration or date cannot be read (`TimeError`).",
        remedy: 'Use milliseconds, a duration such as `"30s"` or `"5m"`, a `Date` or an ISO date.',
      },
      cron_invalid: {
        means:
          "A schedule cannot be: wrong number of fields, a value out of its range, an unknown time zone, or no tick in years.",
        remedy:
          "The message names what is wrong and what is allowed. Five fields, or six with seconds first; `TZ=Europe/Paris` before them.",
      },
      expression_invalid: {
        means:
          "An expression (`if` or `match` of a trigger, a wait, a cancellation or a search, `key`, `priority.run`) does not compile, or, where it is evaluated, does not apply to the event.",
        remedy:
          "Write it in CEL over `event` and, in waits and cancellations, `async`: `event.data.id == async.data.id`. A search of runs has `event` and `output`.",
      },
      output_not_json: {
        means:
          "What a step or handler returned cannot be stored as JSON: it refers to itself, or holds a BigInt. It is not tried again, as the next attempt would return the same.",
        remedy: "Return plain data, or give the client a `serializer`.",
      },
      output_too_large: {
        means: "A function's result, or an app's reply to a call, is over its bound.",
        remedy: "Store the value elsewhere (R2, a database) and return a reference.",
      },
      step_invalid: {
        means:
          "A step was asked for with options that cannot be: an output, an invocation or a wait over its bound, or a wait without an event. It is not tried again.",
        remedy: "The message names the step, the value and the bound.",
      },
      decryption_failed: {
        means:
          "A stored value was encrypted by the encryption middleware, and no key of the app opens it (`DecryptionError`): its key is gone, or the value was changed.",
        remedy:
          "Keep a key among `fallbackDecryptionKeys` until every run that began with it has ended. The error's `keyId` says which key is missing.",
      },
      signal_conflict: {
        means:
          '`step.waitForSignal` with `onConflict: "fail"` waits for a signal that another step waits for already: its run fails. The other waits on. The error names `signal` and `step`.',
        remedy:
          'Put what tells runs apart into the name, such as `approval/<order id>`, or take the signal over with `onConflict: "replace"`.',
      },
      step_lost: {
        means:
          "The process in which the code ran died twice in a row without a result: out of memory, out of CPU time, reset, or deployed over. Counts as a failed attempt of the step, or of the handler when no step had begun.",
        remedy:
          "Make the step smaller: fewer bytes in memory (an isolate has 128 MB), less CPU time at a stretch, or raise `limits.cpu_ms` of the Worker.",
      },
      function_skipped: {
        means:
          "`step.invoke` started a run that was not let in, and ended as skipped: its singleton has one, its function is paused, or the run of the schedule before it goes on.",
        remedy: "Catch it where that is expected; the message names the rule.",
      },
      step_timeout: {
        means:
          "An attempt of a step took longer than the `timeout` of its `step.run` (`StepTimeoutError`). It is tried again as after any error; what its code still does is not waited for, and its result does not count.",
        remedy:
          "Hand the `signal` that the code is given to whatever it waits for, so that it ends too; raise `timeout` when the work may take longer.",
      },
      call_stale: {
        means:
          "A call that goes on past its first step was told that its run has ended, or goes on in another call. Its code stops; nobody waits for the answer that says so.",
        remedy:
          "Nothing. When it comes often, calls are lost on their way: see whether the app is restarted or cut off.",
      },
      step_not_found: {
        means:
          "The platform asked an app for a step that the handler did not reach: the code changed, or depends on chance or time outside of steps.",
        remedy:
          "Keep the ids of steps of unfinished runs, and put everything that may differ between two replays into a step.",
      },
      step_not_reported: {
        means: "The platform asked an app to run a step, and it answered without that step's result.",
        remedy: "Update the app's SDK; check that no proxy changes its answers.",
      },
      nothing_reported: {
        means:
          "A handler neither ended nor reported a step, twice in a row: it waits for something that is no step, so nothing would wake it.",
        remedy: "Put what it waits for into `step.run`, or look for a promise that never settles.",
      },
      steps_exceeded: {
        means: "The run has more steps than a run may have. It fails; its journal stays readable.",
        remedy: "Split the work: `step.invoke` other functions, or send events that start them.",
      },
      state_exceeded: {
        means: "The results of the run's steps together are over the bound. It fails; its journal stays readable.",
        remedy: "Return references instead of large values.",
      },
      function_missing: {
        means:
          "The function is not there: an invoked id is not registered, or the code of a run was removed from its Worker or app. Each attempt counts.",
        remedy:
          "Deploy or sync it again before the attempts are used up. Remove a function only when no run of it is open: cancel those first.",
      },
    },
  },
  {
    title: "Calls between platform and app",
    where:
      "In the error of a step or run whose call failed, or in the JSON that the app's own handler answers. Such a failure counts as an attempt, and is tried again unless the answer forbids it.",
    codes: {
      unreachable: {
        means:
          "The app could not be reached, did not answer within the time of one call, broke off, or redirected without end. In a sync also: its address is private, which a deployed platform does not call.",
        remedy:
          "Is the app running, and is its registered URL the public one (`INNGEST_SERVE_ORIGIN`)? If the step takes longer than a call may, split it into shorter ones.",
      },
      target_refused: {
        means:
          "A step left a request to the platform (`step.fetch`, `step.ai.infer`), and its address, or one that it was redirected to, is private. A deployed platform asks public ones alone; in dev mode all are allowed. Not tried again.",
        remedy: "Make the request in `step.run`, where the address can be reached.",
      },
      request_failed: {
        means:
          "The model's API answered a request of `step.ai.infer` with a status of 300 or more. The error's `data` is what it said.",
        remedy:
          "Is the key right, and the quota? The step is tried again as any other, at the time of `Retry-After` if there is one.",
      },
      only_ours: {
        means:
          "The app's server is Inngest's own, or another one, and a function uses what only this platform does: an option that the sync names, or `events` or `since` of `step.waitForEvent`.",
        remedy: "Point the app at this platform (`INNGEST_BASE_URL`), or leave the option out.",
      },
      not_sdk: {
        means:
          "Something answered that is not an app's handler: a login page, a proxy's error, another route. The message quotes its beginning.",
        remedy:
          "Check the path (`/api/inngest`), and let the platform's requests through whatever stands before the app.",
      },
      call_too_large: {
        means:
          "What a call must carry, the run's events and the results of its steps, is over 4 MiB, and the app's SDK is Go's, which cannot fetch them apart. The run ends.",
        remedy: "Store large results elsewhere and return references to them.",
      },
      invalid_reply: {
        means:
          "The app answered as an SDK, but the reply is broken: no JSON, an unknown step op, a stream without an end.",
        remedy: "Update the app's SDK; check for a proxy or host that cuts or rewrites answers.",
      },
      platform: {
        means: "A call failed inside the platform, not in the app. It is tried again.",
        remedy: "See the platform's log (`npx wrangler tail`).",
      },
      sig_verification_failed: {
        means: "The app turned a request away (401): not signed, signed by another key, or older than 5 minutes.",
        remedy:
          "Give app and platform the same `INNGEST_SIGNING_KEY`, and compare their clocks. Against a platform in dev mode the app needs `INNGEST_DEV=1`.",
      },
      missing_signing_key: {
        means: "The app has no signing key, so it cannot tell who calls. It answers 500.",
        remedy: "Set `INNGEST_SIGNING_KEY` or the client's `signingKey`; for development `INNGEST_DEV=1`.",
      },
      function_not_found: {
        means: "The app was called for a function that its handler was not given.",
        remedy: "Add it to the `functions` of `serve`, and sync the app. During a deployment it passes by itself.",
      },
      invalid_body: {
        means: "The app got a call whose body is not one.",
        remedy: "Something other than a platform called, or a body parser before the handler changed the body.",
      },
      invalid_request: {
        means: "A request is not as it must be: of a sync, its body is not JSON with the `url` of the app.",
        remedy: 'The message names field and value. To a sync send `{"url": "https://app.example.com/api/inngest"}`.',
      },
      invalid_event: {
        means: "The Lambda adapter got an event that is no HTTP request it can read.",
        remedy: "Point a function URL, API Gateway or load balancer at it.",
      },
      invalid_host: {
        means: "The Host header of a request to a Node adapter is not a host name.",
        remedy: "Check the proxy before the app, or set `INNGEST_SERVE_ORIGIN`.",
      },
      unknown_probe: {
        means: "A server asked the app a probe that it does not know.",
        remedy: "Update the app's SDK.",
      },
      method_not_allowed: {
        means: "The handler takes GET, PUT and POST, a webhook POST. Answered with 405.",
        remedy: "Mount the handler at a route that only the platform uses, for all three methods.",
      },
      body_too_large: {
        means: "A request to the app's handler, or a webhook delivery, is over its bound. Answered with 413.",
        remedy: "Keep events and step results small; return references.",
      },
      internal_error: {
        means:
          "The handler or webhook failed outside of your functions: a setting that cannot be read, or a fault of ours.",
        remedy: "The message says which; the app's log has the stack.",
      },
    },
  },
  {
    title: "Workers that dial in",
    where: "In the error of a step or run whose app connects to the platform (`@dotdo/inngest/connect`).",
    codes: {
      connect_no_healthy_connection: {
        means:
          "A call waited five minutes, and no worker was connected that serves its function. It is a failed attempt.",
        remedy: "Start a worker with that function; `GET /v1/connections` lists those that are there.",
      },
      connect_all_workers_at_capacity: {
        means:
          "A call waited an hour, and every worker of its function had as many calls as it takes. It is a failed attempt.",
        remedy: "Start more workers, or raise `maxWorkerConcurrency`.",
      },
      connect_worker_stopped_responding: {
        means:
          "The worker that had a call did not acknowledge it, or has not extended its lease for two minutes: it died, was cut off, or blocks its event loop. It is a failed attempt; what the worker still answers changes nothing.",
        remedy: "See the worker's own log. Steps that compute for long belong into a thread of their own.",
      },
    },
  },
  {
    title: "Sync",
    where:
      "`POST /v1/apps/sync` answers 422 with the code and `GET /v1/apps` keeps it beside the app until a sync succeeds; also `unreachable` and `not_sdk` above.",
    codes: {
      unauthorized: {
        means: "The app answered 401: it does not accept the platform's signature, or an unsigned request in dev mode.",
        remedy:
          "Give both the same `INNGEST_SIGNING_KEY` and deploy the app again; in development start it with `INNGEST_DEV=1`.",
      },
      forbidden: {
        means: "Something before the app answered 403: a firewall, a login, deployment protection.",
        remedy: "Let requests to the handler's path pass; calls are signed.",
      },
      url_not_found: {
        means: "Nothing is served at the URL (404).",
        remedy: "Check the path, and that this version is deployed.",
      },
      internal_server_error: {
        means: "The app answered 5xx.",
        remedy: "See the app's own log.",
      },
      unsupported_protocol: {
        means: "What was given is not an http or https URL.",
        remedy: "Give the URL at which the app serves its functions, such as `https://app.example.com/api/inngest`.",
      },
      refused: {
        means: "The app answered as an SDK, and refused.",
        remedy: "The message quotes what it said.",
      },
      invalid_config: {
        means:
          "What the app registers cannot be taken: a function's configuration is wrong, or has options that exclude each other, or its id belongs to another app. Nothing of the sync was taken.",
        remedy: "The message names function and field.",
      },
      sdk_version_denied: {
        means:
          "The app uses a version of Inngest's TypeScript SDK, 3.22.0 to 3.53.1, that Inngest's servers refuse for CVE-2026-42047, and so does this platform.",
        remedy: "Update it to `inngest@3.54` or later. Runs of what was registered before go on.",
      },
    },
  },
  {
    title: "The platform's API",
    where:
      "In the JSON that the platform answers: `code` beside `error` and `status`; in REST v2 in `errors[].code`. The words are Inngest's where it has one.",
    codes: {
      read_only: {
        means:
          "Who asks may only look (`INNGEST_READ_KEY`, or somebody whom `INNGEST_ACCESS_WRITERS` does not name), and the request would change something. Answered with 403.",
        remedy: "Sign in with the signing key, or send it as bearer; name the person in `INNGEST_ACCESS_WRITERS`.",
      },
      cross_origin: {
        means:
          "A browser that is signed in sent a request that changes something, and not for a page of the platform's own host. Answered with 403, since any page could make a browser send it.",
        remedy:
          "Programs send `Authorization: Bearer <signing key>`. A proxy before the platform must leave `Host`, `Origin` and `Sec-Fetch-Site` as they are.",
      },
      not_found: {
        means: "There is no such run, event, app or function in the environment that was asked.",
        remedy:
          "The message says where to find those that there are. A run is found once its event has been routed, mostly within milliseconds. Check `x-inngest-env`: each environment has its own.",
      },
      missing_field: {
        means: "A parameter needs another one, such as `functionId` its `appId`.",
        remedy: "The message names both.",
      },
      env_invalid: {
        means: "`x-inngest-env` is not the name of an environment.",
        remedy:
          "Use 1 to 64 letters, digits and `.` `_` `/` `-`, beginning with a letter or digit; set `INNGEST_ENV` where the branch has another name.",
      },
      env_not_found: {
        means: "No event and no app has named this branch environment yet; it begins with the first.",
        remedy:
          "Sync the app or send an event with the same `x-inngest-env`. `GET /v1/envs` lists those that are there.",
      },
      too_many_streams: {
        means: "This isolate of the Worker serves as many connections to `GET /v1/stream` as it may. Answered with 503.",
        remedy:
          "Close one; the dashboard closes its own when its tab is hidden. Until there is room, read the lists now and then, as the dashboard does.",
      },
      env_limit: {
        means:
          "There are as many branch environments as there may be; the event or sync that would begin another is refused.",
        remedy: "`DELETE /v1/envs/<name>` forgets one that is used no more.",
      },
      env_is_main: {
        means: "The main environment is always there.",
        remedy: "Archive its apps instead: `DELETE /v1/apps/<id>`.",
      },
      function_taken: {
        means: "A function that an app registers has an id that is another app's. Nothing of the sync was taken.",
        remedy: "Choose another id for app or function: `a` with `b-c` and `a-b` with `c` are the same.",
      },
      server_kind: {
        means:
          "The app expects a server of the other kind: it is in dev mode and the platform is not, or the other way round.",
        remedy: "Set or unset `INNGEST_DEV` on both sides.",
      },
      function_debounced: {
        means: "The function collects events before there is a run, so invoking it has no run to name.",
        remedy: "Send its event instead.",
      },
      idempotency_conflict: {
        means:
          "The function was invoked with this `idempotencyKey` within 24 hours; `data.runId` is the run. Of a rerun: the key has started one that begins with another step.",
        remedy: "Read that run, or use another key.",
      },
      run_already_ended: {
        means: "The run has ended: there is nothing left to cancel, wake, resolve, pause or resume.",
        remedy: "None is needed. `POST /v1/runs/:id/rerun` starts it once more.",
      },
      step_not_waiting: {
        means: "The step that was to be resolved by hand has ended already, or waits for nothing from outside.",
        remedy: "Read the run: its steps say what became of each, `by_hand` which of them somebody has ended.",
      },
      run_already_cancelled: { means: "The run has been cancelled already.", remedy: "None is needed." },
      app_sync_failed: {
        means: "The app could not be synced; the message is that of the sync.",
        remedy: "See [Sync](#sync).",
      },
      not_implemented: {
        means: "A route or parameter of Inngest's cloud that this platform has not.",
        remedy: "The message says what there is instead, if anything.",
      },
    },
  },
  {
    title: "Schedules",
    where:
      "Answered by `/v1/schedules`, thrown by `client.schedules` as `ScheduleError`, whose `status` is what the platform answered.",
    codes: {
      schedule_invalid: {
        means: "A schedule made at run time cannot be; nothing was changed. Answered with 400.",
        remedy:
          "The message names field, value and bound. Either `cron` or `every`, either `event` or `function`, which must be registered.",
      },
      schedule_exists: {
        means:
          "There is another schedule of that id, with other fields. The very same again is no error. Answered with 409.",
        remedy: "Update or delete that one, or choose another id.",
      },
      schedules_exceeded: {
        means: "The environment has as many schedules as it may have. Answered with 409.",
        remedy: "Delete those that have ended: their `nextFireAt` is null.",
      },
      schedule_not_found: {
        means: "No schedule has that id. Answered with 404; `client.schedules.delete` gives false instead.",
        remedy: "Ids count upper and lower case; `list` shows them.",
      },
      schedule_failed: {
        means:
          "The platform was not reached, or did not answer as it does: it may be Inngest's, which has no such schedules.",
        remedy: "Check `INNGEST_BASE_URL` or `INNGEST_DEV`, and `INNGEST_SIGNING_KEY`. All calls may be repeated.",
      },
    },
  },
  {
    title: "Tests",
    where: "Thrown by what a test waits for, such as `run.waitFor` of `@dotdo/inngest/test`.",
    codes: {
      nondeterminism: {
        means:
          "A function would ask for other steps when it is replayed (`NondeterminismError`): what decides is the time or chance that its handler takes outside of steps, or something else that is different in every pass. `first` and `onReplay` name the steps, `calls` the places.",
        remedy:
          "Take the time or the random value in a step, or use what the event says: `event.ts`, `event.id`. `detectNondeterminism: false` of `createTestPlatform` switches the check off.",
      },
    },
  },
];

/** Errors that are told apart by `name` alone, as Inngest's SDKs do. */
export const errorNamesSaid: Record<string, string> = {
  StepLostError: "see [step_lost](#step_lost)",
  InngestInvokeTimeoutError: "`step.invoke` gave up waiting at its `timeout`; the invoked run goes on",
  FunctionSkippedError: "see [function_skipped](#function_skipped)",
  InngestErrFunctionOverflowed: "see [steps_exceeded](#steps_exceeded)",
  InngestErrStateOverflowed: "see [state_exceeded](#state_exceeded)",
  InngestErrTimeoutTooLong: "a sleep, wait or invoke is over the bound of 366 days",
};

/** What a status of the platform's API means, whose errors are `{ error, status }` without a code. */
export const apiStatuses: Record<number, string> = {
  400: "the request is not as it must be; `error` names field and value",
  401: "the event key, or the bearer, is not one of the platform's",
  403: "dev mode is on, and Host or Origin is not loopback; or it is off, and a run's clock was to be moved",
  404: "no such event, run, schedule, sleeping step, parked range or route",
  409: "the run has ended, so it cannot be cancelled or moved on; or a function was invoked with this idempotency key before; or it was to be woken and does not sleep; or a schedule has that id; or a checkpoint is of a call that nobody waits for any more",
  413: "the body is over its bound, or what it would add to a run is",
  415: "spans are neither in protobuf nor in JSON, or are packed by another way than gzip; `message` says which",
  422: "a sync failed, and `code` is one of [Sync](#sync); or there is one environment too many; or a GraphQL query cannot be executed",
  426: "workers, or subscribers, connect at this path, by WebSocket",
  429: "a channel has as many subscribers as it may have",
  500: "the platform failed to answer; the reason is in its log, not in the answer",
  501: "a route or parameter of Inngest's cloud that this platform has not",
  503: "no event key, or no signing key, is configured; a deployed platform then serves nobody",
  504: "the run of a durable endpoint has not ended within five minutes; ask again",
};
