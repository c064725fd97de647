package wire_test

import (
	"testing"

	"pgregory.net/rapid"

	"refold/client/wire"
)

func TestPositionIsReadAsItWasWritten(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		want := wire.Position{
			Aggregate: rapid.StringMatching(`[a-z][a-z-]{0,10}`).Draw(t, "aggregate"),
			Subject:   rapid.StringN(1, 30, -1).Draw(t, "subject"),
			Sequence:  rapid.Int64Min(0).Draw(t, "sequence"),
		}
		text := want.String()
		for _, b := range []byte(text) {
			if b <= ' ' || b > '~' {
				t.Fatalf("%q can't stand in a header", text)
			}
		}
		if got, err := wire.ParsePosition(text); err != nil || got != want {
			t.Fatalf("%q was read as %+v, %v; want %+v", text, got, err, want)
		}
	})
}

func TestTextsThatAreNoPosition(t *testing.T) {
	for _, text := range []string{
		"", "account", "account/", "account/alice", "account/@7", "/alice@7", "account/alice@",
		"account/alice@-1", "account/alice@seven", "account/alice@9223372036854775808", "account/100%@7",
	} {
		if p, err := wire.ParsePosition(text); err == nil {
			t.Errorf("%q was read as %+v", text, p)
		}
	}
}

func TestPositionOfACommand(t *testing.T) {
	command := wire.Command{
		Status: wire.StatusAccepted, Aggregate: "account", Subject: "a b", LastSequence: 7,
	}
	if got := command.Position(); got != "account/a%20b@7" {
		t.Errorf("an accepted command has the position %q", got)
	}
	command.Status = wire.StatusPending
	if got := command.Position(); got != "" {
		t.Errorf("a pending command has the position %q", got)
	}
}
