package words_test

import (
	"math"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"refold/console/words"
)

func TestTimesAsPeopleReadThem(t *testing.T) {
	now := time.Date(2026, 3, 1, 14, 5, 9, 120e6, time.UTC)
	for ago, want := range map[time.Duration]string{
		0: "just now", 900 * time.Millisecond: "just now", 12 * time.Second: "12 s ago",
		-3 * time.Minute: "in 3 min", 25 * time.Hour: "1 d ago", 800 * 24 * time.Hour: "2 y ago",
	} {
		if got := words.Relative(now.Add(-ago), now); got != want {
			t.Errorf("%v ago is %q, want %q", ago, got, want)
		}
	}
	berlin := time.FixedZone("CET", 3600)
	if got := words.Exact(now, berlin); got != "2026-03-01 15:05:09.120 CET" {
		t.Errorf("the exact time is %q", got)
	}
	if got := words.Exact(time.Time{}, berlin) + words.Relative(time.Time{}, now); got != "unknownunknown" {
		t.Errorf("no time is %q", got)
	}
}

func TestDurations(t *testing.T) {
	for d, want := range map[time.Duration]string{
		0: "0 µs", 850 * time.Microsecond: "850 µs", 12340 * time.Microsecond: "12.3 ms",
		4560 * time.Millisecond: "4.56 s", 200 * time.Second: "3 min 20 s", 2 * time.Hour: "2 h",
		125 * time.Minute: "2 h 5 min", 76 * time.Hour: "3 d 4 h", -time.Second: "-1 s",
		100 * time.Millisecond: "100 ms",
	} {
		if got := words.Duration(d); got != want {
			t.Errorf("%v is %q, want %q", d, got, want)
		}
	}
}

func TestCountsAndBytes(t *testing.T) {
	for n, want := range map[int64]string{
		0: "0", 999: "999", 1000: "1,000", -1234567: "-1,234,567",
		math.MinInt64: "-9,223,372,036,854,775,808",
	} {
		if got := words.Count(n); got != want {
			t.Errorf("%d is %q, want %q", n, got, want)
		}
	}
	for n, want := range map[int64]string{0: "0 B", 1023: "1023 B", 12600: "12.3 KiB", 3 << 30: "3 GiB"} {
		if got := words.Bytes(n); got != want {
			t.Errorf("%d bytes are %q, want %q", n, got, want)
		}
	}
	got := words.Plural(1, "event", "events") + " " + words.Plural(2000, "event", "events")
	if got != "1 event 2,000 events" {
		t.Errorf("one and 2000 are %q", got)
	}
}

func TestMoney(t *testing.T) {
	for _, c := range []struct {
		amount int64
		code   string
		want   string
	}{
		{1250, "EUR", "12.50 EUR"},
		{-5, "EUR", "-0.05 EUR"},
		{1250, "JPY", "1250 JPY"},
		{1, "KWD", "0.001 KWD"},
		{1, "", ""},
		{1, "eur", ""},
		{1, "<b>", ""},
		{math.MinInt64, "EUR", "-92233720368547758.08 EUR"},
	} {
		if got, known := words.Money(c.amount, c.code); got != c.want || known != (c.want != "") {
			t.Errorf("%d %s is %q, %v; want %q", c.amount, c.code, got, known, c.want)
		}
	}
}

// No digit is lost or made up, whatever the amount.
func TestMoneyKeepsEveryDigit(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		amount := rapid.Int64().Draw(t, "amount")
		text, _ := words.Money(amount, "EUR")
		whole := strings.TrimLeft(strings.ReplaceAll(strings.TrimSuffix(text, " EUR"), ".", ""), "-0")
		want := strings.TrimLeft(strings.ReplaceAll(words.Count(amount), ",", ""), "-")
		if whole != strings.TrimLeft(want, "0") || strings.HasPrefix(text, "-") != (amount < 0) {
			t.Fatalf("%d is %q", amount, text)
		}
	})
}
