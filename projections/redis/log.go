package redis

import (
	"context"
	"fmt"
	"log/slog"

	goredis "github.com/redis/go-redis/v9"
)

// LogTo sends what the client library logs by itself, such as connections that fail, to a logger at level
// debug. All of it comes back as errors, too. It is for the whole process; the library writes to standard
// error before.
func LogTo(logger *slog.Logger) { goredis.SetLogger(libraryLog{logger}) }

type libraryLog struct{ *slog.Logger }

// Printf is called by the library.
func (l libraryLog) Printf(ctx context.Context, format string, args ...any) {
	l.DebugContext(ctx, fmt.Sprintf(format, args...))
}
