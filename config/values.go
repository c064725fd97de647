package config

import (
	"fmt"
	"math"
	"reflect"
	"strconv"
	"strings"
	"time"

	"refold/kafka"
)

const hidden = "***"

// Secret is a value that is never printed, whatever prints it.
type Secret = kafka.Secret

// Bytes is a size. Its text has a unit, as in 64MiB or 1.5GB.
type Bytes int64

var byteUnits = []struct {
	name string
	size int64
}{
	{"TiB", 1 << 40},
	{"GiB", 1 << 30},
	{"MiB", 1 << 20},
	{"KiB", 1 << 10},
	{"TB", 1e12},
	{"GB", 1e9},
	{"MB", 1e6},
	{"kB", 1e3},
	{"B", 1},
}

// ParseBytes reads a size with a unit: B, kB, MB, GB, TB, KiB, MiB, GiB or TiB.
func ParseBytes(text string) (Bytes, error) {
	for _, unit := range byteUnits {
		number, found := strings.CutSuffix(text, unit.name)
		if !found {
			continue
		}
		n, err := strconv.ParseFloat(strings.TrimSpace(number), 64)
		if err != nil || n < 0 || n*float64(unit.size) >= math.MaxInt64 {
			break
		}
		return Bytes(n * float64(unit.size)), nil
	}
	return 0, fmt.Errorf("a size with a unit, such as 64MiB or 500kB")
}

// String returns the size in the largest binary unit that it is a whole number of.
func (b Bytes) String() string {
	for _, unit := range byteUnits[:4] {
		if b != 0 && int64(b)%unit.size == 0 {
			return strconv.FormatInt(int64(b)/unit.size, 10) + unit.name
		}
	}
	return strconv.FormatInt(int64(b), 10) + "B"
}

// set parses text into the option's field. The error says what would be right.
func set(field reflect.Value, text string) error {
	switch p := field.Addr().Interface().(type) {
	case *string:
		*p = text
	case *Secret:
		*p = Secret(text)
	case *[]string:
		*p = splitList(text)
	case *bool:
		return parse(p, text, strconv.ParseBool, "true or false")
	case *int:
		return parse(p, text, strconv.Atoi, "a whole number")
	case *int64:
		return parse(p, text, func(s string) (int64, error) { return strconv.ParseInt(s, 10, 64) },
			"a whole number")
	case *float64:
		return parse(p, text, func(s string) (float64, error) { return strconv.ParseFloat(s, 64) },
			"a number")
	case *time.Duration:
		return parse(p, text, time.ParseDuration, "a duration with a unit, such as 500ms, 5s or 2h")
	case *Bytes:
		return parse(p, text, ParseBytes, "a size with a unit, such as 64MiB or 500kB")
	default:
		panic(fmt.Sprintf("config: no option can be a %s", field.Type()))
	}
	return nil
}

func parse[T any](p *T, text string, by func(string) (T, error), allowed string) error {
	value, err := by(text)
	if err != nil {
		return fmt.Errorf("%s", allowed)
	}
	*p = value
	return nil
}

// splitList reads "a, b,c"; empty text is the empty list.
func splitList(text string) []string {
	var items []string
	for item := range strings.SplitSeq(text, ",") {
		if item = strings.TrimSpace(item); item != "" {
			items = append(items, item)
		}
	}
	return items
}

// shortDuration is 2h instead of 2h0m0s.
func shortDuration(d time.Duration) string {
	s := d.String()
	if strings.HasSuffix(s, "m0s") {
		s = strings.TrimSuffix(s, "0s")
	}
	if strings.HasSuffix(s, "h0m") {
		s = strings.TrimSuffix(s, "0m")
	}
	return s
}
