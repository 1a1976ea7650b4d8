package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/inngest/inngest/pkg/enums"
	"github.com/inngest/inngestgo"
	sdkerrors "github.com/inngest/inngestgo/errors"
	"github.com/inngest/inngestgo/experimental"
	"github.com/inngest/inngestgo/group"
	"github.com/inngest/inngestgo/realtime"
	"github.com/inngest/inngestgo/step"
)

type handler = func(ctx context.Context, in input) (any, error)

// createFunctions creates the functions of CONTRACT.md, in its order.
func createFunctions(client inngestgo.Client, s *stage) {
	app := client.AppID()
	ptr := inngestgo.StrPtr

	createFor := func(id string, trigger interface{ Triggers() []inngestgo.Trigger }, options inngestgo.FunctionOpts, f handler) {
		options.ID = id
		if _, err := inngestgo.CreateFunction(client, options, trigger, f); err != nil {
			panic(err)
		}
	}
	create := func(id string, options inngestgo.FunctionOpts, f handler) {
		createFor(id, inngestgo.EventTrigger(app+"/"+id, nil), options, f)
	}
	retries := func(n int) inngestgo.FunctionOpts { return inngestgo.FunctionOpts{Retries: &n} }
	plain := inngestgo.FunctionOpts{}
	// held is the body of a step that waits at the gate of the event.
	held := func(in input) func(context.Context) (string, error) {
		return func(ctx context.Context) (string, error) {
			return "held", s.wait(ctx, in.Event.Data["gate"].(string))
		}
	}

	// One step after the other

	create("steps", plain, func(ctx context.Context, in input) (any, error) {
		total := 0
		for n, id := range []string{"one", "two", "three", "four", "five"} {
			var err error
			if total, err = value(ctx, s, in, id, total+n+1); err != nil {
				return nil, err
			}
		}
		return total, nil
	})

	create("values", plain, func(ctx context.Context, in input) (any, error) {
		output := data{}
		for _, one := range []struct {
			id    string
			value any
		}{
			{"null", nil},
			{"true", true},
			{"float", 1.5},
			{"text", "héllo ✓ 🎉 \"quoted\"\n"},
			{"nested", data{"a": []any{1, data{"b": nil}}, "ü": "ß"}},
			{"object", data{}},
			{"list", []any{}},
			{"Überweisung ✓ 1/2", "id"},
		} {
			read, err := value(ctx, s, in, one.id, one.value)
			if err != nil {
				return nil, err
			}
			output[one.id] = read
		}
		large, err := value(ctx, s, in, "large", strings.Repeat("x", 1_048_576))
		output["large"] = len(large)
		return output, err
	})

	// Retries and errors

	create("retry", retries(3), func(ctx context.Context, in input) (any, error) {
		attempt, err := noted(ctx, s, in, "flaky", func(context.Context) (int, error) {
			if in.InputCtx.Attempt < number(in, "failures") {
				return 0, errors.New("not yet")
			}
			return in.InputCtx.Attempt, nil
		})
		return data{"attempt": attempt}, err
	})

	create("caught", retries(1), func(ctx context.Context, in input) (any, error) {
		_, err := noted(ctx, s, in, "fails", throws(errors.New("out of range")))
		if !sdkerrors.IsStepError(err) {
			return nil, err
		}
		after, afterErr := value(ctx, s, in, "after", "went on")
		return data{"message": err.Error(), "after": after}, afterErr
	})

	create("uncaught", retries(1), func(ctx context.Context, in input) (any, error) {
		return noted(ctx, s, in, "fails", throws(errors.New("broken for good")))
	})

	create("nonretriable", retries(3), func(ctx context.Context, in input) (any, error) {
		return noted(ctx, s, in, "fails", throws(sdkerrors.NoRetryError(errors.New("do not try again"))))
	})

	create("nonretriable-function", retries(3), func(ctx context.Context, in input) (any, error) {
		s.note(in, "handler")
		return nil, sdkerrors.NoRetryError(errors.New("do not try again"))
	})

	create("retry-after", retries(3), func(ctx context.Context, in input) (any, error) {
		return noted(ctx, s, in, "later", func(context.Context) (int, error) {
			if in.InputCtx.Attempt == 0 {
				at := time.Now().Add(time.Duration(number(in, "seconds")) * time.Second)
				return 0, sdkerrors.RetryAtError(errors.New("later"), at)
			}
			return in.InputCtx.Attempt, nil
		})
	})

	create("function-error", retries(2), func(ctx context.Context, in input) (any, error) {
		before, err := value(ctx, s, in, "before", "b")
		if err != nil {
			return nil, err
		}
		s.note(in, "handler")
		if in.InputCtx.Attempt < 1 {
			return nil, errors.New("again")
		}
		return data{"before": before, "attempt": in.InputCtx.Attempt}, nil
	})

	create("function-fails", retries(1), func(ctx context.Context, in input) (any, error) {
		s.note(in, "handler")
		return nil, errors.New("the handler is broken")
	})

	// Time and events

	slept := func(sleep func(ctx context.Context, in input)) handler {
		return func(ctx context.Context, in input) (any, error) {
			if _, err := value(ctx, s, in, "before", true); err != nil {
				return nil, err
			}
			sleep(ctx, in)
			_, err := value(ctx, s, in, "after", true)
			return "slept", err
		}
	}
	create("sleep", plain, slept(func(ctx context.Context, in input) {
		step.Sleep(ctx, "nap", duration(in, "duration"))
	}))
	create("sleep-until", plain, slept(func(ctx context.Context, in input) {
		until, err := time.Parse(time.RFC3339, in.Event.Data["until"].(string))
		if err != nil {
			panic(err)
		}
		step.SleepUntil(ctx, "nap", until)
	}))

	const sameKey = "event.data.key == async.data.key"

	// answer is null after the timeout, which the SDK reports as an error.
	answer := func(ctx context.Context, condition string, timeout time.Duration) (data, error) {
		event, err := step.WaitForEvent[inngestgo.Event](ctx, "answer", step.WaitForEventOpts{
			Event: app + "/answer", If: ptr(condition), Timeout: timeout,
		})
		if errors.Is(err, step.ErrEventNotReceived) {
			return data{}, nil
		}
		return event.Data, err
	}
	create("wait", plain, func(ctx context.Context, in input) (any, error) {
		got, err := answer(ctx, sameKey, duration(in, "timeout"))
		return data{"answer": got["answer"]}, err
	})
	create("wait-if", plain, func(ctx context.Context, in input) (any, error) {
		condition := fmt.Sprintf("async.data.key == '%s' && async.data.n > 2", in.Event.Data["key"])
		got, err := answer(ctx, condition, duration(in, "timeout"))
		return data{"n": got["n"]}, err
	})

	// Functions that call functions

	create("callee", retries(0), func(ctx context.Context, in input) (any, error) {
		doubled, err := value(ctx, s, in, "double", 2*number(in, "n"))
		return data{"doubled": doubled, "by": app}, err
	})

	create("callee-fails", retries(0), func(ctx context.Context, in input) (any, error) {
		return nil, sdkerrors.NoRetryError(errors.New("callee broke"))
	})

	create("callee-slow", plain, func(ctx context.Context, in input) (any, error) {
		step.Sleep(ctx, "long", time.Hour)
		return "late", nil
	})

	create("invoke", retries(0), func(ctx context.Context, in input) (any, error) {
		result, err := step.Invoke[any](ctx, "call", step.InvokeOpts{
			FunctionId: app + "-callee", Data: data{"n": in.Event.Data["n"]},
		})
		if err != nil {
			return nil, err
		}
		after, err := value(ctx, s, in, "after", "went on")
		return data{"result": result, "after": after}, err
	})

	create("invoke-slug", retries(0), func(ctx context.Context, in input) (any, error) {
		result, err := step.Invoke[any](ctx, "call", step.InvokeOpts{
			FunctionId: fmt.Sprintf("%s-%s", in.Event.Data["app"], in.Event.Data["function"]),
			Data:       data{"n": in.Event.Data["n"]},
		})
		return data{"result": result}, err
	})

	create("invoke-fails", retries(0), func(ctx context.Context, in input) (any, error) {
		_, err := step.Invoke[any](ctx, "call", step.InvokeOpts{FunctionId: app + "-callee-fails"})
		if err == nil {
			return data{"message": nil}, nil
		}
		return data{"message": err.Error()}, nil
	})

	create("invoke-timeout", retries(0), func(ctx context.Context, in input) (any, error) {
		_, err := step.Invoke[any](ctx, "call", step.InvokeOpts{
			FunctionId: app + "-callee-slow", Timeout: duration(in, "timeout"),
		})
		return data{"caught": err != nil}, nil
	})

	create("send", plain, func(ctx context.Context, in input) (any, error) {
		events := []inngestgo.Event{}
		for n := 1; n <= 2; n++ {
			events = append(events, inngestgo.Event{Name: app + "/sent", Data: data{"key": in.Event.Data["key"], "n": n}})
		}
		ids, err := step.SendMany(ctx, "emit", events)
		if err != nil {
			return nil, err
		}
		after, err := value(ctx, s, in, "after", "went on")
		return data{"ids": ids, "after": after}, err
	})

	create("sent", plain, func(ctx context.Context, in input) (any, error) {
		_, err := value(ctx, s, in, "got", true)
		return in.Event.Data["n"], err
	})

	// At the same time

	// branch is a step as a group takes it.
	branch := func(in input, id string, v any) func(context.Context) (any, error) {
		return func(ctx context.Context) (any, error) { return value(ctx, s, in, id, v) }
	}

	create("parallel", retries(0), func(ctx context.Context, in input) (any, error) {
		results := group.Parallel(ctx, branch(in, "a", "a"), branch(in, "b", "b"), func(ctx context.Context) (any, error) {
			return noted(ctx, s, in, "c", throws(errors.New("c broke")))
		})
		join, err := value(ctx, s, in, "join", "joined")
		output := []any{}
		for _, result := range results {
			if result.Error != nil {
				output = append(output, result.Error.Error())
			} else {
				output = append(output, result.Value)
			}
		}
		return append(output, join), err
	})

	create("nested", plain, func(ctx context.Context, in input) (any, error) {
		results := group.Parallel(ctx,
			func(ctx context.Context) (any, error) {
				a1, err := value(ctx, s, in, "a1", 1)
				if err != nil {
					return nil, err
				}
				return value(ctx, s, in, "a2", a1+1)
			},
			func(ctx context.Context) (any, error) {
				b1, err := value(ctx, s, in, "b1", 10)
				if err != nil {
					return nil, err
				}
				sum, err := total(group.Parallel(ctx, branch(in, "b2", 20), branch(in, "b3", 30)))
				return b1 + sum, err
			},
		)
		sum, err := total(results)
		if err != nil {
			return nil, err
		}
		return value(ctx, s, in, "join", sum)
	})

	create("fan-out", plain, func(ctx context.Context, in input) (any, error) {
		branches := []func(context.Context) (any, error){}
		for n := range 20 {
			branches = append(branches, branch(in, fmt.Sprintf("s-%d", n), n))
		}
		sum, err := total(group.Parallel(ctx, branches...))
		if err != nil {
			return nil, err
		}
		return value(ctx, s, in, "join", sum)
	})

	create("parallel-retry", retries(2), func(ctx context.Context, in input) (any, error) {
		results := group.Parallel(ctx, branch(in, "steady", "steady"), func(ctx context.Context) (any, error) {
			return noted(ctx, s, in, "flaky", func(context.Context) (any, error) {
				if in.InputCtx.Attempt < 1 {
					return nil, errors.New("not yet")
				}
				return "flaky", nil
			})
		})
		if err := results.AnyError(); err != nil {
			return nil, err
		}
		join, err := value(ctx, s, in, "join", "joined")
		return []any{results[0].Value, results[1].Value, join}, err
	})

	create("parallel-waits", plain, func(ctx context.Context, in input) (any, error) {
		results := group.Parallel(ctx,
			func(ctx context.Context) (any, error) {
				step.Sleep(ctx, "nap", time.Hour)
				return nil, nil
			},
			func(ctx context.Context) (any, error) {
				got, err := answer(ctx, sameKey, 2*time.Hour)
				return got["answer"], err
			},
			func(ctx context.Context) (any, error) {
				called, err := step.Invoke[data](ctx, "call", step.InvokeOpts{FunctionId: app + "-callee", Data: data{"n": 2}})
				return called["doubled"], err
			},
			branch(in, "work", "done"),
		)
		if err := results.AnyError(); err != nil {
			return nil, err
		}
		join, err := value(ctx, s, in, "join", "joined")
		return data{"answer": results[1].Value, "doubled": results[2].Value, "work": results[3].Value, "join": join}, err
	})

	// A group has no first one to finish: a branch is left out once another has won.
	race := func(mode enums.ParallelMode) handler {
		return func(ctx context.Context, in input) (any, error) {
			var winner any
			run := func(id string, body func(context.Context) (any, error)) func(context.Context) (any, error) {
				return func(ctx context.Context) (any, error) {
					if winner != nil {
						return nil, nil
					}
					result, err := noted(ctx, s, in, id, body)
					winner = result
					return result, err
				}
			}
			results := group.ParallelWithOpts(ctx, group.ParallelOpts{ParallelMode: mode},
				run("quick", func(context.Context) (any, error) { return "quick", nil }),
				run("slow", func(ctx context.Context) (any, error) {
					return "slow", s.wait(ctx, in.Event.Data["gate"].(string))
				}),
			)
			if err := results.AnyError(); err != nil {
				return nil, err
			}
			after, err := value(ctx, s, in, "after", "after")
			return data{"winner": winner, "after": after}, err
		}
	}
	create("race", plain, race(enums.ParallelModeWait))
	create("race-mode", plain, race(enums.ParallelModeRace))

	create("repeated", plain, func(ctx context.Context, in input) (any, error) {
		output := []int{}
		for n := range 5 {
			again, err := value(ctx, s, in, "again", n)
			if err != nil {
				return nil, err
			}
			output = append(output, again)
		}
		return output, nil
	})

	create("large-state", plain, func(ctx context.Context, in input) (any, error) {
		length := 0
		for n := range 5 {
			big, err := value(ctx, s, in, fmt.Sprintf("big-%d", n), strings.Repeat("x", 1_048_576))
			if err != nil {
				return nil, err
			}
			length += len(big)
		}
		return value(ctx, s, in, "count", length)
	})

	// What the platform does for a function

	create("cancellable", inngestgo.FunctionOpts{
		Cancel: []inngestgo.ConfigCancel{{Event: app + "/stop", If: ptr(sameKey)}},
	}, slept(func(ctx context.Context, in input) { step.Sleep(ctx, "nap", time.Hour) }))

	createFor("cron", inngestgo.CronTrigger("* * * * *"), plain, func(ctx context.Context, in input) (any, error) {
		return step.Run(ctx, "tick", func(context.Context) (string, error) {
			s.noteUnder(in.InputCtx.RunID, "cron", in.InputCtx.Attempt, "tick")
			return "ticked", nil
		})
	})

	lane := ptr("event.data.lane")
	hold := func(ctx context.Context, in input) (any, error) { return noted(ctx, s, in, "hold", held(in)) }
	start := func(ctx context.Context, in input) (any, error) { return value(ctx, s, in, "start", "started") }
	oneAtATime := []inngestgo.ConfigStepConcurrency{{Limit: 1, Key: lane}}

	create("limited", inngestgo.FunctionOpts{Concurrency: oneAtATime}, hold)
	create("urgent", inngestgo.FunctionOpts{
		Concurrency: oneAtATime,
		Priority:    &inngestgo.ConfigPriority{Run: ptr("event.data.urgency")},
	}, hold)
	create("throttled", inngestgo.FunctionOpts{
		Throttle: &inngestgo.ConfigThrottle{Limit: 1, Period: 2 * time.Second, Key: lane},
	}, start)
	create("rate-limited", inngestgo.FunctionOpts{
		RateLimit: &inngestgo.ConfigRateLimit{Limit: 1, Period: time.Minute, Key: lane},
	}, start)
	create("debounced", inngestgo.FunctionOpts{
		Debounce: &inngestgo.ConfigDebounce{Period: time.Second, Key: *lane},
	}, func(ctx context.Context, in input) (any, error) {
		_, err := start(ctx, in)
		return in.Event.Data["n"], err
	})
	create("batched", inngestgo.FunctionOpts{
		BatchEvents: &inngestgo.ConfigBatchEvents{MaxSize: 3, Timeout: time.Minute, Key: lane},
	}, func(ctx context.Context, in input) (any, error) {
		all := []int{}
		for _, event := range in.Events {
			all = append(all, int(event.Data["n"].(float64)))
		}
		slices.Sort(all)
		return value(ctx, s, in, "all", all)
	})
	create("alone", inngestgo.FunctionOpts{
		Singleton: &inngestgo.ConfigSingleton{Mode: enums.SingletonModeSkip, Key: lane},
	}, hold)
	create("alone-cancel", inngestgo.FunctionOpts{
		Singleton: &inngestgo.ConfigSingleton{Mode: enums.SingletonModeCancel, Key: lane},
	}, hold)
	create("once", inngestgo.FunctionOpts{Idempotency: ptr("event.data.key")}, start)
	create("brief", inngestgo.FunctionOpts{
		Timeouts: &inngestgo.ConfigTimeouts{Finish: inngestgo.Ptr(time.Second)},
	}, func(ctx context.Context, in input) (any, error) {
		step.Sleep(ctx, "nap", time.Hour)
		return "late", nil
	})

	createFor("conditional", inngestgo.MultipleTriggers{
		inngestgo.EventTrigger(app+"/conditional", ptr("event.data.n > 2")),
		inngestgo.EventTrigger(app+"/conditional-also", nil),
	}, plain, func(ctx context.Context, in input) (any, error) { return in.Event.Data["n"], nil })

	createFor("wild", inngestgo.EventTrigger(app+"/wild/*", nil), plain, func(ctx context.Context, in input) (any, error) {
		return in.Event.Name, nil
	})

	// What the SDK hands to a function, and what surrounds it

	create("context", retries(2), func(ctx context.Context, in input) (any, error) {
		event := data{"name": in.Event.Name, "data": in.Event.Data, "id": in.Event.ID, "ts": in.Event.Timestamp}
		return data{"runId": in.InputCtx.RunID, "attempt": in.InputCtx.Attempt, "event": event, "events": len(in.Events)}, nil
	})

	create("middleware", plain, func(ctx context.Context, in input) (any, error) {
		return data{"greeting": in.Event.Data["greeting"]}, nil
	})

	create("logs", plain, func(ctx context.Context, in input) (any, error) {
		logger := experimental.LoggerFromContext(ctx)
		logger.Info("before", "input", in)
		if _, err := value(ctx, s, in, "work", true); err != nil {
			return nil, err
		}
		logger.Info("after", "input", in)
		return "logged", nil
	})

	// What the platform does in a function's place

	create("signal", plain, func(ctx context.Context, in input) (any, error) {
		signal, err := step.WaitForSignal[any](ctx, "signal", step.WaitForSignalOpts{
			Signal: in.Event.Data["signal"].(string), Timeout: duration(in, "timeout"),
		})
		if errors.Is(err, step.ErrSignalNotReceived) {
			err = nil
		}
		return data{"data": signal.Data}, err
	})

	create("fetch", plain, func(ctx context.Context, in input) (any, error) {
		response, err := step.Fetch[string](ctx, "fetch", step.FetchOpts{URL: in.Event.Data["url"].(string), Method: "GET"})
		return data{"status": response.StatusCode, "text": response.Body}, err
	})

	create("ai-infer", plain, func(ctx context.Context, in input) (any, error) {
		type message struct {
			Role    string `json:"role"`
			Content string `json:"content"`
		}
		type request struct {
			Model    string    `json:"model"`
			Messages []message `json:"messages"`
		}
		type reply struct {
			Choices []struct {
				Message message `json:"message"`
			} `json:"choices"`
		}
		// The SDK puts /v1 before the path itself.
		base := strings.TrimSuffix(strings.TrimSuffix(in.Event.Data["url"].(string), "/"), "/v1")
		got, err := step.Infer[request, reply](ctx, "infer", step.InferOpts[request]{
			Opts: step.InferOpenAIOpts(ptr("k"), &base),
			Body: request{Model: "m", Messages: []message{{"user", in.Event.Data["text"].(string)}}},
		})
		if err != nil {
			return nil, err
		}
		return got.Choices[0].Message.Content, nil
	})

	create("publish", plain, func(ctx context.Context, in input) (any, error) {
		// The SDK's own address is that of the cloud, whatever the environment says.
		url := cmp.Or(os.Getenv("INNGEST_BASE_URL"), os.Getenv("INNGEST_DEV")) + "/v1/realtime/publish"
		_, err := noted(ctx, s, in, "publish", func(ctx context.Context) (bool, error) {
			channel := in.Event.Data["channel"].(string)
			return true, realtime.PublishWithURL(ctx, url, channel, "updates", []byte(`{"n":1}`))
		})
		if err != nil {
			return nil, err
		}
		_, err = value(ctx, s, in, "after", true)
		return "published", err
	})
}

// noted is a step.Run whose body notes itself, then does what body does.
func noted[T any](ctx context.Context, s *stage, in input, id string, body func(context.Context) (T, error)) (T, error) {
	return step.Run(ctx, id, func(ctx context.Context) (T, error) {
		s.note(in, id)
		return body(ctx)
	})
}

func value[T any](ctx context.Context, s *stage, in input, id string, v T) (T, error) {
	return noted(ctx, s, in, id, func(context.Context) (T, error) { return v, nil })
}

func throws(err error) func(context.Context) (any, error) {
	return func(context.Context) (any, error) { return nil, err }
}

// total adds what the branches of a group returned: numbers, which a memo gives back as JSON has them.
func total(results group.Results) (int, error) {
	sum := 0
	for _, result := range results {
		switch n := result.Value.(type) {
		case int:
			sum += n
		case float64:
			sum += int(n)
		}
	}
	return sum, results.AnyError()
}

func number(in input, field string) int {
	n, _ := in.Event.Data[field].(float64)
	return int(n)
}

func duration(in input, field string) time.Duration {
	d, err := time.ParseDuration(in.Event.Data[field].(string))
	if err != nil {
		panic(err)
	}
	return d
}
