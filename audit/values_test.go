package audit_test

import (
	"reflect"
	"testing"
	"time"

	"refold/audit"
)

// JSON has no branches of unions, and shows the times of events as they are stored.
func TestPlainValues(t *testing.T) {
	at := time.UnixMilli(1_700_000_000_123).UTC()
	got := audit.Plain(map[string]any{
		"note": map[string]any{"string": "late"}, "none": nil,
		"car":   map[string]any{"refold.garages.Car": fields("plate", "B-1")},
		"times": []any{at, map[string]any{"long.timestamp-millis": at}},
	}, func(t time.Time) any { return t.UnixMilli() })
	want := map[string]any{
		"note": "late", "none": nil, "car": fields("plate", "B-1"),
		"times": []any{at.UnixMilli(), at.UnixMilli()},
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}
