package api

import (
	"math"
	"strings"
	"testing"
)

func TestDecimal(t *testing.T) {
	for _, test := range []struct {
		amount   int64
		currency string
		want     string
	}{
		{0, "EUR", "0.00"},
		{5, "EUR", "0.05"},
		{-5, "EUR", "-0.05"},
		{-1_234, "EUR", "-12.34"},
		{1_234, "JPY", "1234"},
		{-1_234, "JPY", "-1234"},
		{7, "BHD", "0.007"},
		{-12_345, "BHD", "-12.345"},
		{12, "BGN", "12"},
		{math.MaxInt64, "EUR", "92233720368547758.07"},
		{math.MinInt64, "EUR", "-92233720368547758.08"},
	} {
		if got := decimal(test.amount, test.currency); got != test.want {
			t.Errorf("%d %s is %s, want %s", test.amount, test.currency, got, test.want)
		}
	}
	if unit("EUR") != "EUR" || unit("BGN") != "minor units of BGN" {
		t.Errorf("units are %q and %q", unit("EUR"), unit("BGN"))
	}
}

func TestCell(t *testing.T) {
	for text, want := range map[string]string{
		"": "", "alice": "alice", "a=b": "a=b", "=1+1": "'=1+1", "+1": "'+1", "-1": "'-1", "@x": "'@x",
		"\t=1": "'\t=1", "\r=1": "'\r=1", "\n=1": "'\n=1", "\u2028": "\u2028",
		"|x": "'|x", "＝1": "'＝1", "'=1": "'=1",
		"\u00a0=1": "'\u00a0=1", "ä": "ä",
	} {
		if got := cell(text); got != want {
			t.Errorf("%q is written as %q, want %q", text, got, want)
		}
	}
	if blank := " " + "=1"; cell(blank) != "'"+blank {
		t.Errorf("%q is written as %q", blank, cell(blank))
	}
}

// A cursor is read as it was written, and nothing else is a cursor.
func FuzzCursor(f *testing.F) {
	for _, seed := range []string{
		"", "x", "W10", "WyJvcmRlcnMiXQ", cursorOf("orders", "2026-01-31T23:59:59.000000Z", "a/b"),
		cursorOf("accounts", "="), cursorOf("statement", "-1"),
	} {
		f.Add(seed, "alice")
	}
	f.Fuzz(func(t *testing.T, text, value string) {
		var c cursor
		if err := c.UnmarshalText([]byte(text)); err != nil {
			t.Errorf("%q: %v", text, err)
		}
		if c.read() {
			if values, err := c.of(c.list, len(c.values)); text != "" && (err != nil || len(values) == 0) {
				t.Errorf("%q is read as %q, %v", text, values, err)
			}
		}
		valid := strings.ToValidUTF8(value, "�")
		var again cursor
		_ = again.UnmarshalText([]byte(cursorOf("accounts", valid)))
		values, err := again.of("accounts", 1)
		if len(again.Sent) <= maxCursorBytes && (err != nil || len(values) != 1 || values[0] != valid) {
			t.Errorf("%q is read as %q, %v", valid, values, err)
		}
		if _, err := again.of("orders", 1); err == nil {
			t.Error("a cursor of another list was taken")
		}
	})
}

func TestTimeText(t *testing.T) {
	for text, want := range map[string]bool{
		"2026-01-31T23:59:59.000001Z": true, "2026-01-31T23:59:59Z": false,
		"2026-02-30T00:00:00.000000Z":  false,
		"2026-01-31T23:59:59.0000010Z": false, "": false,
		"x": false, "2026-01-31T23:59:59.000001+01:00": false,
	} {
		if got := isTimeText(text); got != want {
			t.Errorf("%q: %t", text, got)
		}
	}
}
