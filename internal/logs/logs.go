// Package logs gives every subsystem its own level, which the operator changes while the daemon runs.
//
// A logger that carries the attribute "sub" belongs to that subsystem; others have the level of all.
package logs

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"strings"
	"sync"
)

// Key is the attribute that names a logger's subsystem.
const Key = "sub"

// Logs holds the levels. Handlers made from it look them up at each record.
type Logs struct {
	mu     sync.RWMutex
	all    slog.Level
	levels map[string]slog.Level // of subsystems that were named to Logger or SetLevel
	known  []string
}

// New begins at level info for everything.
func New() *Logs { return &Logs{levels: make(map[string]slog.Level)} }

// Logger writes lines of text to w.
func (l *Logs) Logger(w io.Writer) *slog.Logger {
	return slog.New(&handler{logs: l, Handler: slog.NewTextHandler(w, &slog.HandlerOptions{Level: slog.LevelDebug})})
}

// Subsystems lists the subsystems that have logged, in order of the alphabet.
func (l *Logs) Subsystems() []string {
	l.mu.RLock()
	defer l.mu.RUnlock()
	return slices.Clone(l.known)
}

// SetLevel takes "debug" for all, or "PEER=debug,CHAN=warn" for some. Nothing changes where a part is wrong.
func (l *Logs) SetLevel(spec string) error {
	type change struct {
		sub   string
		level slog.Level
	}
	var changes []change
	for _, part := range strings.Split(spec, ",") {
		sub, name, named := strings.Cut(strings.TrimSpace(part), "=")
		if !named {
			sub, name = "", sub
		}
		level, err := parse(name)
		if err != nil {
			return err
		}
		changes = append(changes, change{strings.ToUpper(sub), level})
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, c := range changes {
		if c.sub == "" {
			l.all = c.level
			clear(l.levels)
			continue
		}
		l.levels[c.sub] = c.level
	}
	return nil
}

// parse knows slog's levels and the names that LND's users are used to.
func parse(name string) (slog.Level, error) {
	switch strings.ToLower(name) {
	case "trace", "debug":
		return slog.LevelDebug, nil
	case "info":
		return slog.LevelInfo, nil
	case "warn":
		return slog.LevelWarn, nil
	case "error":
		return slog.LevelError, nil
	case "critical", "off":
		return slog.LevelError + 1, nil
	}
	return 0, fmt.Errorf("the log level %q is none of trace, debug, info, warn, error, critical, off", name)
}

func (l *Logs) level(sub string) slog.Level {
	l.mu.RLock()
	defer l.mu.RUnlock()
	if level, ok := l.levels[sub]; ok {
		return level
	}
	return l.all
}

func (l *Logs) know(sub string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if i, found := slices.BinarySearch(l.known, sub); !found {
		l.known = slices.Insert(l.known, i, sub)
	}
}

// handler is a text handler with the level of its subsystem.
type handler struct {
	slog.Handler
	logs *Logs
	sub  string
}

func (h *handler) Enabled(_ context.Context, level slog.Level) bool {
	return level >= h.logs.level(h.sub)
}

func (h *handler) WithAttrs(attrs []slog.Attr) slog.Handler {
	next := &handler{Handler: h.Handler.WithAttrs(attrs), logs: h.logs, sub: h.sub}
	for _, a := range attrs {
		if a.Key == Key {
			next.sub = a.Value.String()
			h.logs.know(next.sub)
		}
	}
	return next
}

func (h *handler) WithGroup(name string) slog.Handler {
	return &handler{Handler: h.Handler.WithGroup(name), logs: h.logs, sub: h.sub}
}
