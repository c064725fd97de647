package command

import (
	"errors"
	"fmt"
	"os"
	"os/user"
	"strconv"
	"strings"
	"time"
	"unicode"

	"github.com/spf13/cobra"

	"refold/codecs"
	"refold/kafka"
)

// Exit codes, for scripts.
const (
	ExitFailed      = 1 // something went wrong; standard error says what
	ExitDifferences = 2 // topics plan, apply: differences remain
	ExitRejected    = 3 // send: the command was rejected
	ExitPending     = 4 // send --wait: there is no outcome yet
	ExitNotFound    = 5 // get, dead-letters show: there is no such thing
	ExitLeft        = 6 // dead-letters replay, discard: some could not be settled
)

// Exit codes of verify, of which scripts ask one question only: equal or not.
const (
	ExitDiffers    = 1
	ExitUnverified = 2
)

// Exit codes of reset, beside ExitFailed.
const (
	ExitRefused = 2 // nothing was done
	ExitUnequal = 3 // the table was made, and is not what verify expects
)

// ExitError is an error that has an exit code of its own. What there is to say has been said.
type ExitError struct{ Code int }

// Error says the code.
func (e ExitError) Error() string { return fmt.Sprintf("exit code %d", e.Code) }

// Explained says what to do about errors that leave it open.
func Explained(err error) error {
	if errors.Is(err, kafka.ErrTopicMissing) {
		return fmt.Errorf("%w; workers make their topics when they start, and \"processor topics "+
			"apply\" does, too", err)
	}
	return err
}

// ParseMoment reads a time, or how long ago it was; the zero time of no text.
func ParseMoment(text string, now time.Time) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	if ago, err := time.ParseDuration(text); err == nil && ago >= 0 {
		return kafka.ClampTime(now.Add(-ago)), nil
	}
	t, err := codecs.ParseTime(text)
	if err != nil {
		return t, fmt.Errorf("%q is neither a time (2026-01-31T23:59:59Z) nor a duration ago (2h30m)",
			text)
	}
	return kafka.ClampTime(t), nil // brokers take a time before 1970 for a sign
}

// Legible returns a text for a terminal. What is in a dead letter is anybody's: escape sequences
// could do something to the terminal, and line breaks could imitate other lines.
func Legible(text string) string {
	if strings.ContainsFunc(text, func(r rune) bool {
		return r == unicode.ReplacementChar || !unicode.IsPrint(r)
	}) {
		quoted := strconv.Quote(text)
		return quoted[1 : len(quoted)-1]
	}
	return text
}

// Shortened returns a Legible text of at most so many characters.
func Shortened(text string, most int) string {
	runes := []rune(Legible(text))
	if len(runes) <= most {
		return string(runes)
	}
	return string(runes[:most-1]) + "…"
}

// Whoami is who does something, as markers remember it.
func Whoami() string {
	name, host := "unknown", "unknown"
	if u, err := user.Current(); err == nil {
		name = u.Username
	}
	if h, err := os.Hostname(); err == nil {
		host = h
	}
	return name + "@" + host
}

// ShowHelp is what a command does that only has commands below it. Without it, cobra would take a
// misspelt one for a wish for help, and exit with 0.
func ShowHelp(cmd *cobra.Command, _ []string) error { return cmd.Help() }

// Number returns a number with a comma between each three digits.
func Number(n int) string {
	s := strconv.Itoa(n)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}
