package redis

import (
	"context"
	"fmt"
	"log/slog"
	"sync/atomic"

	goredis "github.com/redis/go-redis/v9"
)

// LogTo sends what the client library logs by itself, such as connections that fail, to a logger at level
// debug. All of it comes back as errors, too; so nothing is logged before. It is for the whole process.
func LogTo(logger *slog.Logger) { logTo.Store(logger) }

// The library's logger is a variable of its package that it reads without a lock: it is set once.
func init() { goredis.SetLogger(libraryLog{}) }

var logTo atomic.Pointer[slog.Logger]

type libraryLog struct{}

// Printf is called by the library.
func (libraryLog) Printf(ctx context.Context, format string, args ...any) {
	if logger := logTo.Load(); logger != nil {
		logger.DebugContext(ctx, fmt.Sprintf(format, args...))
	}
}
