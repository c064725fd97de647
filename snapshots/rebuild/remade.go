package rebuild

import (
	"context"
	"time"
)

// Remade says that all rows of a group's table were made anew by this fold version, while no worker ran.
func (t *Topic) Remade(ctx context.Context, group string, partitions []int32, version int, by string) error {
	records := make(map[key]any, 2*len(partitions))
	session, now := newSession(), time.Now().UTC()
	for _, p := range partitions {
		records[key{group: group, partition: p}] = owner{
			Session: session, Worker: by, Own: version, Version: version, Time: now,
		}
		records[key{group: group, partition: p, refolded: true}] = refolded{session, version, now}
	}
	return t.put(ctx, records)
}
