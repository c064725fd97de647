package jsonvalue_test

import (
	"encoding/json"
	"math/big"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"refold/codecs/jsonvalue"
)

func TestParseInteger(t *testing.T) {
	for text, want := range map[string]int64{
		"0": 0, "-0": 0, "-0.0": 0, "0e999999999999999999999": 0, "1492": 1492, "-1492.0": -1492,
		"1e3":  1000,
		"1E+3": 1000, "1.50e1": 15, "1500e-2": 15, "9223372036854775807": 1<<63 - 1,
		"9223372036854775807.000": 1<<63 - 1,
		"-9223372036854775808":    -1 << 63, "9.223372036854775807e18": 1<<63 - 1,
		"100" + strings.Repeat("0", 1000) + "e-1000": 100,
	} {
		if got, ok := jsonvalue.ParseInteger(text, 64); !ok || got != want {
			t.Errorf("%s is %d, %v, want %d", text, got, ok, want)
		}
	}
	for _, text := range []string{
		"", "-", "+1", "01", "1.", ".5", "0.5", "1e", "1e+", "1e+-3", "1e3e3", "1.5", "15e-1", "1e-1",
		"0x10", "1_000",
		"9223372036854775808", "-9223372036854775809", "9.2233720368547758075e18", "1e19",
		"1e1000000000000", "NaN",
		"1e-1000000000000", " 1", "1 ", "1,0",
	} {
		if got, ok := jsonvalue.ParseInteger(text, 64); ok {
			t.Errorf("%q is %d", text, got)
		}
	}
	if _, ok := jsonvalue.ParseInteger("2147483648", 32); ok {
		t.Error("more than 32 bits")
	}
}

func TestParseUnsigned(t *testing.T) {
	for text, want := range map[string]uint64{
		"0": 0, "-0": 0, "1e3": 1000, "18446744073709551615": 1<<64 - 1,
		"1.8446744073709551615e19": 1<<64 - 1,
	} {
		if got, ok := jsonvalue.ParseUnsigned(text, 64); !ok || got != want {
			t.Errorf("%s is %d, %v, want %d", text, got, ok, want)
		}
	}
	for _, text := range []string{"", "-1", "1.5", "18446744073709551616", "1e20", "1e1000000000000"} {
		if got, ok := jsonvalue.ParseUnsigned(text, 64); ok {
			t.Errorf("%q is %d", text, got)
		}
	}
	if _, ok := jsonvalue.ParseUnsigned("4294967296", 32); ok {
		t.Error("more than 32 bits")
	}
}

// It is exact: as rational numbers say it.
func TestParseIntegerIsExact(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.StringMatching(`-?(0|[1-9][0-9]{0,20})(\.[0-9]{1,20}|\.0)?([eE][+-]?[0-9]{1,2})?`).
			Draw(t, "number")
		if !json.Valid([]byte(text)) {
			t.Fatalf("%s is no JSON", text)
		}
		exact, _ := new(big.Rat).SetString(text)
		want := exact.IsInt() && exact.Num().IsInt64()
		got, ok := jsonvalue.ParseInteger(text, 64)
		if ok != want || ok && got != exact.Num().Int64() {
			t.Fatalf("%s is %d, %v; exactly it is %s", text, got, ok, exact)
		}
	})
}
