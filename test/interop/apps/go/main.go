// The Go app: every step tool, trigger and option that the SDK has, as CONTRACT.md lists them.
package main

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"strings"

	"github.com/inngest/inngestgo"
	"github.com/inngest/inngestgo/experimental"
	"github.com/inngest/inngestgo/pkg/checkpoint"
)

func main() {
	s := newStage()
	id := os.Getenv("INTEROP_CLIENT")
	logger := slog.New(&notedLog{s, slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelInfo})})
	options := inngestgo.ClientOpts{
		AppID:           id,
		Logger:          logger,
		AllowInBandSync: inngestgo.BoolPtr(true),
		UseStreaming:    id == "go-streaming",
		Middleware:      []func() experimental.Middleware{func() experimental.Middleware { return &greeting{} }},
	}
	if base := os.Getenv("INNGEST_BASE_URL"); base != "" {
		// Of the two ways to name the API, checkpoints heed this one alone.
		options.APIBaseURL = &base
	}
	if strings.HasPrefix(id, "go-checkpoint") {
		options.Checkpoint = checkpoint.ConfigSafe
	}
	client, err := inngestgo.NewClient(options)
	if err != nil {
		panic(err)
	}
	createFunctions(client, s)

	listener, err := net.Listen("tcp", "127.0.0.1:"+os.Getenv("PORT"))
	if err != nil {
		panic(err)
	}
	functions := client.Serve()
	if id == "go-connect" {
		if _, err := inngestgo.Connect(context.Background(), inngestgo.ConnectOpts{Apps: []inngestgo.Client{client}}); err != nil {
			panic(err)
		}
		// It has registered by its connection.
		functions = http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("{}")) })
	}
	fmt.Printf("ready %d\n", listener.Addr().(*net.TCPAddr).Port)
	panic(http.Serve(listener, s.routes(functions)))
}

// greeting changes the input and the output of one function: `middleware`.
type greeting struct {
	experimental.BaseMiddleware
}

func (g *greeting) TransformInput(_ context.Context, call experimental.CallContext, in *experimental.TransformableInput) {
	if call.FunctionOpts.ID == "middleware" {
		in.Event.Data["greeting"] = "hello"
	}
}

func (g *greeting) TransformOutput(_ context.Context, call experimental.CallContext, out *experimental.TransformableOutput) {
	if result, ok := out.Result.(data); ok && call.FunctionOpts.ID == "middleware" {
		result["stamped"] = true
	}
}

// notedLog is the client's logger: what a function logs lands in the trace. One logger serves all runs, so a record says
// of which run it is.
type notedLog struct {
	stage *stage
	slog.Handler
}

func (l *notedLog) Handle(ctx context.Context, record slog.Record) error {
	record.Attrs(func(attr slog.Attr) bool {
		if in, ok := attr.Value.Any().(input); ok {
			l.stage.note(in, "log: "+record.Message)
		}
		return true
	})
	return l.Handler.Handle(ctx, record)
}
