package main

import (
	"context"
	"encoding/json"
	"net/http"
	"sync"
	"time"

	"github.com/inngest/inngestgo"
)

type note struct {
	Run     string `json:"run"`
	Key     string `json:"key"`
	Step    string `json:"step"`
	Attempt int    `json:"attempt"`
	At      int64  `json:"at"`
}

type call struct {
	run  string
	Step string `json:"step"`
}

// stage is what bodies leave behind and wait for, and the side routes read and open: see CONTRACT.md.
type stage struct {
	lock  sync.Mutex
	notes []note
	calls []call
	gates map[string]chan struct{}
}

func newStage() *stage {
	return &stage{gates: map[string]chan struct{}{}}
}

type data = map[string]any
type input = inngestgo.Input[data]

func (s *stage) note(in input, step string) {
	key, _ := in.Event.Data["key"].(string)
	s.noteUnder(in.InputCtx.RunID, key, in.InputCtx.Attempt, step)
}

func (s *stage) noteUnder(run, key string, attempt int, step string) {
	s.lock.Lock()
	defer s.lock.Unlock()
	s.notes = append(s.notes, note{run, key, step, attempt, time.Now().UnixMilli()})
}

func (s *stage) wait(ctx context.Context, gate string) error {
	select {
	case <-s.gate(gate):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (s *stage) gate(name string) chan struct{} {
	s.lock.Lock()
	defer s.lock.Unlock()
	if s.gates[name] == nil {
		s.gates[name] = make(chan struct{})
	}
	return s.gates[name]
}

// routes mounts the side routes, and counts the requests to the functions.
func (s *stage) routes(functions http.Handler) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("/api/inngest", func(w http.ResponseWriter, r *http.Request) {
		if run := r.Header.Get("x-run-id"); r.Method == http.MethodPost && run != "" {
			s.lock.Lock()
			s.calls = append(s.calls, call{run, r.URL.Query().Get("stepId")})
			s.lock.Unlock()
		}
		functions.ServeHTTP(w, r)
	})
	mux.HandleFunc("GET /trace", func(w http.ResponseWriter, r *http.Request) {
		query := r.URL.Query()
		writeList(w, &s.lock, &s.notes, func(n note) bool {
			if query.Has("key") {
				return n.Key == query.Get("key")
			}
			return n.Run == query.Get("run")
		})
	})
	mux.HandleFunc("GET /calls", func(w http.ResponseWriter, r *http.Request) {
		writeList(w, &s.lock, &s.calls, func(c call) bool { return c.run == r.URL.Query().Get("run") })
	})
	mux.HandleFunc("POST /open", func(w http.ResponseWriter, r *http.Request) {
		gate := s.gate(r.URL.Query().Get("gate"))
		s.lock.Lock()
		defer s.lock.Unlock()
		select {
		case <-gate:
		default:
			close(gate)
		}
	})
	return mux
}

func writeList[T any](w http.ResponseWriter, lock *sync.Mutex, all *[]T, wanted func(T) bool) {
	lock.Lock()
	defer lock.Unlock()
	found := []T{}
	for _, item := range *all {
		if wanted(item) {
			found = append(found, item)
		}
	}
	w.Header().Set("content-type", "application/json")
	_ = json.NewEncoder(w).Encode(found)
}
