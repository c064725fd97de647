package logging

import (
	"context"
	"io"
	"log/slog"
	"os"
	"sync"
	"sync/atomic"

	"refold/config"
	"refold/kafka"
)

// New returns the process's logger, and sends Sarama's lines there, too.
func New(w io.Writer, c config.Log) *slog.Logger {
	options := &slog.HandlerOptions{Level: level(c.Level), ReplaceAttr: readable}
	var handler slog.Handler = slog.NewJSONHandler(w, options)
	if c.Format == "text" || c.Format == "auto" && IsTerminal(w) {
		handler = slog.NewTextHandler(w, options)
	}
	logger := slog.New(handler)
	sarama.Store(Client(logger, c, "sarama"))
	saramaOnce.Do(func() { kafka.SetSaramaLogger(slog.New(saramaHandler{})) })
	return logger
}

// Sarama's logger is a variable of its package that its goroutines read without a lock: it is set
// once, to a handler that passes on to the process's latest logger.
var (
	sarama     atomic.Pointer[slog.Logger]
	saramaOnce sync.Once
)

type saramaHandler struct{}

func (saramaHandler) Enabled(ctx context.Context, l slog.Level) bool {
	return sarama.Load().Enabled(ctx, l)
}

func (saramaHandler) Handle(ctx context.Context, r slog.Record) error {
	return sarama.Load().Handler().Handle(ctx, r)
}

func (h saramaHandler) WithAttrs([]slog.Attr) slog.Handler { return h }
func (h saramaHandler) WithGroup(string) slog.Handler      { return h }

// readable writes durations as people do, 1.5s; JSON would have them in nanoseconds.
func readable(_ []string, a slog.Attr) slog.Attr {
	if a.Value.Kind() == slog.KindDuration {
		a.Value = slog.StringValue(a.Value.Duration().String())
	}
	return a
}

// Client returns a logger for what a library says: it has a level of its own, since
// a client that tells of every connection hides what the worker does.
func Client(logger *slog.Logger, c config.Log, name string) *slog.Logger {
	return slog.New(quieter{logger.Handler(), level(c.Clients)}).With("client", name)
}

func level(name string) slog.Level {
	var l slog.Level
	if err := l.UnmarshalText([]byte(name)); err != nil {
		return slog.LevelInfo // config allows no other name
	}
	return l
}

// quieter is a handler with a higher least level.
type quieter struct {
	slog.Handler
	least slog.Level
}

func (q quieter) Enabled(ctx context.Context, l slog.Level) bool {
	return l >= q.least && q.Handler.Enabled(ctx, l)
}

func (q quieter) WithAttrs(attrs []slog.Attr) slog.Handler {
	return quieter{q.Handler.WithAttrs(attrs), q.least}
}

func (q quieter) WithGroup(name string) slog.Handler {
	return quieter{q.Handler.WithGroup(name), q.least}
}

// IsTerminal reports whether w writes to a terminal.
func IsTerminal(w io.Writer) bool {
	f, is := w.(*os.File)
	if !is {
		return false
	}
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}
