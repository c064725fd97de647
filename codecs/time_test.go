package codecs_test

import (
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"refold/codecs"
)

func TestParseTimeTakesAllOfRFC3339(t *testing.T) {
	for text, want := range map[string]string{ // empty: refused
		"2026-01-31T23:59:59.123Z":           "2026-01-31T23:59:59.123Z",
		"2026-01-31t23:59:59.123z":           "2026-01-31T23:59:59.123Z",
		"2026-01-31T23:59:59z":               "2026-01-31T23:59:59Z",
		"2026-01-31t23:59:59+01:00":          "2026-01-31T22:59:59Z",
		"2016-12-31T23:59:60Z":               "2017-01-01T00:00:00Z",
		"2016-12-31t23:59:60.5z":             "2017-01-01T00:00:00.5Z",
		"2017-01-01T00:59:60+01:00":          "2017-01-01T00:00:00Z",
		"1990-12-31T15:59:60-08:00":          "1991-01-01T00:00:00Z",
		"0001-01-01T00:00:00Z":               "0001-01-01T00:00:00Z",
		"9999-12-31T23:59:59.999999999Z":     "9999-12-31T23:59:59.999999999Z",
		"9999-12-31T23:59:60Z":               "",
		"2016-12-31T23:58:60Z":               "",
		"2016-12-30T23:59:60Z":               "",
		"2016-12-31T23:59:61Z":               "",
		"2016-12-31T23:59:60":                "",
		"0001-01-01T00:00:00+01:00":          "",
		"9999-12-31T23:59:59-00:01":          "",
		"0000-06-01T00:00:00Z":               "",
		"2026-02-30T00:00:00Z":               "",
		"2026-01-31 23:59:59Z":               "",
		"yesterday":                          "",
		"":                                   "",
		"2026-01-31t23:59:59." + manyNines(): "",
	} {
		got, err := codecs.ParseTime(text)
		if want == "" {
			if err == nil {
				t.Errorf("%q was read as %v", text, got)
			}
			continue
		}
		if err != nil || got.Format(time.RFC3339Nano) != want {
			t.Errorf("%q is %v, %v; want %s", text, got, err, want)
		}
	}
}

func manyNines() string { return strings.Repeat("9", 1000) + "z" }

// In small letters a time is the same time.
func TestParseTimeDoesNotCareForCase(t *testing.T) {
	first := time.Date(1, 1, 2, 0, 0, 0, 0, time.UTC)
	last := time.Date(9999, 12, 30, 0, 0, 0, 0, time.UTC)
	rapid.Check(t, func(t *rapid.T) {
		at := time.Unix(rapid.Int64Range(first.Unix(), last.Unix()).Draw(t, "s"),
			rapid.Int64Range(0, 999_999_999).Draw(t, "ns"))
		zone := time.FixedZone("", 60*rapid.IntRange(-23*60, 23*60).Draw(t, "zone"))
		text := at.In(zone).Format(time.RFC3339Nano)
		for _, spelt := range []string{text, strings.ToLower(text)} {
			if got, err := codecs.ParseTime(spelt); err != nil || !got.Equal(at) {
				t.Fatalf("%q is %v, %v", spelt, got, err)
			}
		}
	})
}

func FuzzParseTime(f *testing.F) {
	for _, text := range []string{
		"2026-01-31T23:59:59.123Z", "2016-12-31t23:59:60.5z", "2017-01-01T00:59:60+01:00", "", "60",
	} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		at, err := codecs.ParseTime(text)
		if err != nil {
			return
		}
		if _, err := at.MarshalJSON(); err != nil {
			t.Fatalf("%q was read, and can't be written: %v", text, err)
		}
		if again, err := codecs.ParseTime(at.Format(time.RFC3339Nano)); err != nil || !again.Equal(at) {
			t.Fatalf("%q became %v, then %v (%v)", text, at, again, err)
		}
	})
}
