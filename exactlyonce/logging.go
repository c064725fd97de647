package exactlyonce

import (
	"fmt"
	"log/slog"
	"strings"
)

// gokaLogger is Goka's logger on top of slog. Goka's own debugging (goka.Debug) goes through the
// same call, so that all of it has one level.
type gokaLogger struct{ log *slog.Logger }

func (l gokaLogger) Print(args ...any)   { l.write(fmt.Sprint(args...)) }
func (l gokaLogger) Println(args ...any) { l.write(fmt.Sprintln(args...)) }
func (l gokaLogger) Printf(format string, args ...any) {
	l.write(fmt.Sprintf(format, args...))
}

func (l gokaLogger) write(message string) {
	l.log.Info(strings.TrimSpace(message), "component", "goka")
}
