package kafka

import (
	"context"
	"fmt"
	"log/slog"
	"strings"

	"github.com/IBM/sarama"
	"github.com/twmb/franz-go/pkg/kgo"
)

// FranzLogger sends what franz-go says to l, under the same level. franz-go's "info" tells of each
// step of ordinary work, and so becomes slog's debug.
func FranzLogger(l *slog.Logger) kgo.Logger {
	return franzLogger{l.With("component", "franz-go")}
}

type franzLogger struct{ to *slog.Logger }

// Level tells franz-go what is worth formatting.
func (f franzLogger) Level() kgo.LogLevel {
	ctx := context.Background()
	switch {
	// franz-go's debug tells of each request; there is nothing below slog's debug that would say
	// that this is wanted, so one has to go one level lower.
	case f.to.Enabled(ctx, slog.LevelDebug-4):
		return kgo.LogLevelDebug
	case f.to.Enabled(ctx, slog.LevelDebug):
		return kgo.LogLevelInfo
	case f.to.Enabled(ctx, slog.LevelWarn):
		return kgo.LogLevelWarn
	case f.to.Enabled(ctx, slog.LevelError):
		return kgo.LogLevelError
	}
	return kgo.LogLevelNone
}

// Log writes one message.
func (f franzLogger) Log(level kgo.LogLevel, message string, keyvals ...any) {
	to := slog.LevelDebug - 4
	switch level {
	case kgo.LogLevelError:
		to = slog.LevelError
	case kgo.LogLevelWarn:
		to = slog.LevelWarn
	case kgo.LogLevelInfo:
		to = slog.LevelDebug
	case kgo.LogLevelDebug, kgo.LogLevelNone:
	}
	f.to.Log(context.Background(), to, message, keyvals...)
}

// PrintLogger is a logger as Sarama and Goka want one: printing, without levels. It satisfies
// sarama.StdLogger and goka.Logger.
type PrintLogger struct {
	to    *slog.Logger
	level slog.Level
}

// GokaLogger sends what Goka says to l, as info: pass it to goka.WithLogger, WithViewLogger and
// WithEmitterLogger.
func GokaLogger(l *slog.Logger) PrintLogger {
	return PrintLogger{l.With("component", "goka"), slog.LevelInfo}
}

// SetSaramaLogger sends what Sarama says, anywhere in this process, to l, as debug: Sarama has one
// global logger, without levels, and tells of every connection. Call it once, before any client
// is made: Sarama reads the variable without a lock.
func SetSaramaLogger(l *slog.Logger) {
	sarama.Logger = PrintLogger{l.With("component", "sarama"), slog.LevelDebug}
}

func (p PrintLogger) log(message func() string) {
	if ctx := context.Background(); p.to.Enabled(ctx, p.level) {
		p.to.Log(ctx, p.level, strings.TrimSpace(message()))
	}
}

// Print writes the values as fmt.Sprint does.
func (p PrintLogger) Print(values ...any) {
	p.log(func() string { return fmt.Sprint(values...) })
}

// Println writes the values as fmt.Sprintln does.
func (p PrintLogger) Println(values ...any) {
	p.log(func() string { return fmt.Sprintln(values...) })
}

// Printf writes the values as fmt.Sprintf does.
func (p PrintLogger) Printf(format string, values ...any) {
	p.log(func() string { return fmt.Sprintf(format, values...) })
}
