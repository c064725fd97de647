package kafka

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/twmb/franz-go/pkg/kgo"
)

// Partitions asks a broker for the number of partitions of topics that belong together, and returns it. The
// error wraps ErrPartitions if they don't have the same number, and kerr.UnknownTopicOrPartition if there is
// no such topic.
func Partitions(ctx context.Context, cl *kgo.Client, topics ...string) (int32, error) {
	described, err := DescribeTopics(ctx, cl, topics...)
	if err != nil {
		return 0, err
	}
	counts := make(map[string]int32, len(described))
	var errs []error
	for name, topic := range described {
		if topic.Err != nil {
			errs = append(errs, fmt.Errorf("topic %s: %w", name, topic.Err))
		}
		counts[name] = topic.Partitions
	}
	if err := errors.Join(errs...); err != nil {
		return 0, err
	}
	return SamePartitions(counts)
}

// SamePartitions returns the number of partitions that all topics have. The error wraps
// ErrPartitions, and names the topics that differ from most.
func SamePartitions(counts map[string]int32) (int32, error) {
	byCount := make(map[int32][]string)
	for _, topic := range slices.Sorted(maps.Keys(counts)) {
		byCount[counts[topic]] = append(byCount[counts[topic]], topic)
	}
	order := slices.SortedFunc(maps.Keys(byCount), func(a, b int32) int {
		return cmp.Or(cmp.Compare(len(byCount[a]), len(byCount[b])), cmp.Compare(b, a))
	})
	if len(order) == 0 {
		return 0, nil
	}
	usual := order[len(order)-1]
	if len(order) == 1 {
		return usual, nil
	}
	var differ []string
	for _, count := range order[:len(order)-1] {
		differ = append(differ, fmt.Sprintf("%s has %d", strings.Join(byCount[count], ", "), count))
	}
	return 0, fmt.Errorf("%w: %s; %s: %d", ErrPartitions, strings.Join(differ, "; "),
		strings.Join(byCount[usual], ", "), usual)
}
