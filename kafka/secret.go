package kafka

import (
	"fmt"
	"log/slog"
)

// Secret is text that is never printed: formatted, logged or marshalled it shows only whether there
// is one. Reveal returns it.
type Secret string

// Reveal returns the secret itself, for the code that authenticates with it.
func (s Secret) Reveal() string { return string(s) }

// String returns *** in place of a secret, and nothing if there is none.
func (s Secret) String() string {
	if s == "" {
		return ""
	}
	return "***"
}

// Format prints what String returns for every verb.
func (s Secret) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte(s.String())) }

// LogValue logs what String returns.
func (s Secret) LogValue() slog.Value { return slog.StringValue(s.String()) }

// MarshalText encodes what String returns, for JSON, YAML and their like. There is no way back by
// intention.
func (s Secret) MarshalText() ([]byte, error) { return []byte(s.String()), nil }
