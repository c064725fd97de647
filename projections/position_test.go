package projections_test

import (
	"math"
	"testing"

	"pgregory.net/rapid"

	"refold/projections"
)

func TestPosition(t *testing.T) {
	position := func(aggregate, subject string, sequence int64) projections.Position {
		return projections.Position{Aggregate: aggregate, Subject: subject, Sequence: sequence}
	}
	for text, want := range map[string]projections.Position{
		"account/alice@7":                   position("account", "alice", 7),
		"order/a/b@c@0":                     position("order", "a/b@c", 0),
		"account/@@9223372036854775807":     position("account", "@", math.MaxInt64),
		"account/größe mit Leerzeichen/@12": position("account", "größe mit Leerzeichen/", 12),
	} {
		found, err := projections.ParsePosition(text)
		if err != nil || found != want {
			t.Errorf("%q is read as %+v (%v); it must be %+v", text, found, err, want)
		}
	}
	if text := position("account", "alice", 7).String(); text != "account/alice@7" {
		t.Errorf("the position is written as %q; it must be account/alice@7", text)
	}
}

func TestPositionMistakes(t *testing.T) {
	for text, want := range map[string]string{
		"":                                  "it must be like account/alice@7",
		"account":                           "it must be like",
		"account/alice":                     "it must be like",
		"account/@7":                        "it must be like",
		"/alice@7":                          "it must be like",
		"alice@7":                           "it must be like",
		"account/alice@":                    `ends in ""`,
		"account/alice@x":                   `ends in "x"; it must be a sequence`,
		"account/alice@-1":                  "must be a sequence: a whole number",
		"account/alice@9223372036854775808": "must be a sequence",
	} {
		_, err := projections.ParsePosition(text)
		mustSay(t, err, want)
	}
}

func TestPositionRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		want := projections.Position{
			Aggregate: rapid.StringMatching(`[a-z][a-z_]{0,8}`).Draw(t, "aggregate"),
			Subject:   rapid.StringN(1, 20, -1).Draw(t, "subject"),
			Sequence:  rapid.Int64Range(0, math.MaxInt64).Draw(t, "sequence"),
		}
		found, err := projections.ParsePosition(want.String())
		if err != nil || found != want {
			t.Fatalf("%q is read as %+v (%v); it must be %+v", want.String(), found, err, want)
		}
	})
}

// A position has a slash, and an offset none: neither is taken for the other.
func TestParsePoint(t *testing.T) {
	events := projections.Partition{Topic: "shop.account-events", Partition: 3}
	position := func(aggregate, subject string, sequence int64) projections.Point {
		return projections.Position{Aggregate: aggregate, Subject: subject, Sequence: sequence}
	}
	for text, want := range map[string]projections.Point{
		"account/alice@7":            position("account", "alice", 7),
		"account-events/3@1234":      position("account-events", "3", 1234),
		"account/a:3@7":              position("account", "a:3", 7),
		"shop.account-events:3@1234": projections.Offset{Partition: events, Offset: 1234},
		"shop.account-events:03@0":   projections.Offset{Partition: events},
	} {
		found, err := projections.ParsePoint(text)
		if err != nil || found != want {
			t.Errorf("%q is read as %#v (%v); it must be %#v", text, found, err, want)
			continue
		}
		if again, err := projections.ParsePoint(found.String()); err != nil || again != want {
			t.Errorf("%q is written as %q (%v)", text, found, err)
		}
	}
	for text, want := range map[string]string{
		"":                                     "it must be like account/alice@7, or",
		"account-events":                       "it must be like",
		"account-events:3":                     "it must be like",
		"account-events:3:1234":                "it must be like",
		"account-events@1234":                  "it must be like",
		"account-events:-1@7":                  "it must be like",
		"account-events:3@-1":                  "it must be like",
		"account-events:2147483648@7":          "too large",
		"account-events:3@9223372036854775808": "too large",
		"account/alice":                        "it must be like account/alice@7",
	} {
		_, err := projections.ParsePoint(text)
		mustSay(t, err, want)
	}
}

// Whatever is read, is read again from its text.
func FuzzParsePosition(f *testing.F) {
	for _, seed := range []string{"account/alice@7", "a/@@0", "a//@00", "@/", "a/b@+1", "a/\xff@9"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		p, err := projections.ParsePosition(text)
		if err != nil {
			return
		}
		again, err := projections.ParsePosition(p.String())
		if err != nil || again != p {
			t.Fatalf("%q is read as %+v, and %q as %+v (%v)", text, p, p.String(), again, err)
		}
		if p.Sequence < 0 || p.Subject == "" || p.Aggregate == "" {
			t.Fatalf("%q is read as %+v", text, p)
		}
	})
}
