package kafka_test

import (
	"errors"
	"strings"
	"testing"

	"refold/kafka"
)

// Topics that belong together have as many partitions; else those are named that differ from most.
func TestSamePartitions(t *testing.T) {
	for name, test := range map[string]struct {
		counts map[string]int32
		want   int32
		says   string
	}{
		"none":       {},
		"one":        {counts: map[string]int32{"a": 3}, want: 3},
		"same":       {counts: map[string]int32{"a": 3, "b": 3, "c": 3}, want: 3},
		"one grown":  {counts: map[string]int32{"a": 3, "b": 4, "c": 3}, says: ": b has 4; a, c: 3"},
		"one of two": {counts: map[string]int32{"a": 3, "b": 4}, says: ": b has 4; a: 3"},
		"all differ": {counts: map[string]int32{"a": 3, "b": 4, "c": 5}, says: ": c has 5; b has 4; a: 3"},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := kafka.SamePartitions(test.counts)
			if got != test.want || errors.Is(err, kafka.ErrPartitions) != (test.says != "") {
				t.Fatalf("%d, %v; want %d", got, err, test.want)
			}
			if err != nil && !strings.HasSuffix(err.Error(), test.says) {
				t.Errorf("%v; want …%s", err, test.says)
			}
		})
	}
}
