package rebuild

import (
	"context"
	"time"
)

// RecordReset records that every row of a group's table was made again by this fold version while no worker
// ran (processor reset). by names the person or program, for the records.
func (t *Topic) RecordReset(
	ctx context.Context, group string, partitions []int32, version int, by string,
) error {
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
