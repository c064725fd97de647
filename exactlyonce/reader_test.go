package exactlyonce_test

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
)

// read returns all committed records of a topic, by partition, up to its end as it is now. It is
// independent of what it checks: a plain client that reads until it has seen the last offset,
// markers included.
func (c *cluster) read(topic string) map[int32][]*kgo.Record {
	c.t.Helper()
	ctx, cancel := context.WithTimeout(c.t.Context(), patience)
	defer cancel()
	asking := c.client()
	defer asking.Close()
	ends, err := kadm.NewClient(asking).ListEndOffsets(ctx, topic)
	if err != nil {
		c.t.Fatal(err)
	}
	records := make(map[int32][]*kgo.Record)
	start, missing := make(map[int32]kgo.Offset), make(map[int32]int64)
	ends.Each(func(o kadm.ListedOffset) {
		if o.Offset > 0 {
			start[o.Partition], missing[o.Partition] = kgo.NewOffset().AtStart(), o.Offset
		}
	})
	cl := c.client(kgo.KeepControlRecords(), kgo.FetchIsolationLevel(kgo.ReadCommitted()),
		kgo.ConsumePartitions(map[string]map[int32]kgo.Offset{topic: start}))
	defer cl.Close()
	for len(missing) > 0 {
		fetches := cl.PollFetches(ctx)
		if err := fetches.Err(); err != nil {
			c.t.Fatalf("read %s: %v", topic, err)
		}
		fetches.EachRecord(func(r *kgo.Record) {
			if !r.Attrs.IsControl() {
				records[r.Partition] = append(records[r.Partition], r)
			}
			if r.Offset+1 >= missing[r.Partition] {
				delete(missing, r.Partition)
			}
		})
	}
	return records
}

// outputs waits until "out" has n committed records.
func (c *cluster) waitForOutputs(n int) {
	c.t.Helper()
	ctx, cancel := context.WithTimeout(c.t.Context(), patience)
	defer cancel()
	cl := c.client(kgo.ConsumeTopics("out"), kgo.FetchIsolationLevel(kgo.ReadCommitted()))
	defer cl.Close()
	for got := 0; got < n; {
		fetches := cl.PollFetches(ctx)
		if ctx.Err() != nil {
			c.t.Fatalf("waited in vain for %d outputs; %d came", n, got)
		}
		got += fetches.NumRecords()
	}
}

// checkCounter checks what a counter graph has written for everything in its inputs: every record
// exactly once (G1, G2), each key's counts without a gap, the table's rows equal to the last of
// them (G4), and the group's offsets at the ends of the inputs (G3).
func (c *cluster) checkCounter(group string, inputs ...string) {
	c.t.Helper()
	sources := make(map[string]int)
	for _, input := range inputs {
		for p, records := range c.read(input) {
			for _, r := range records {
				sources[fmt.Sprintf("%s/%d/%d", input, p, r.Offset)] = 0
			}
		}
	}
	last := make(map[string]int64)
	for p, records := range c.read("out") {
		for _, r := range records {
			count, source := splitOutput(c.t, string(r.Value))
			if _, known := sources[source]; !known {
				c.t.Errorf("out/%d@%d: %s is no input", p, r.Offset, source)
			}
			sources[source]++
			if sources[source] > 1 {
				c.t.Errorf("out/%d@%d: %s was handled before", p, r.Offset, source)
			}
			if count != last[string(r.Key)]+1 {
				c.t.Errorf("out/%d@%d: %s has count %d after %d",
					p, r.Offset, r.Key, count, last[string(r.Key)])
			}
			last[string(r.Key)] = count
		}
	}
	for source, times := range sources {
		if times == 0 {
			c.t.Errorf("%s was lost", source)
		}
	}
	rows := make(map[string]int64)
	for _, records := range c.read(group + "-table") {
		for _, r := range records {
			n, err := strconv.ParseInt(string(r.Value), 10, 64)
			if err != nil {
				c.t.Fatal(err)
			}
			rows[string(r.Key)] = n
		}
	}
	if fmt.Sprint(rows) != fmt.Sprint(last) {
		c.t.Errorf("the table holds %v, the outputs %v", rows, last)
	}
	c.checkOffsets(group, inputs...)
}

// committed are the group's offsets.
func (c *cluster) committed(group string) kadm.OffsetResponses {
	c.t.Helper()
	cl := c.client()
	defer cl.Close()
	offsets, err := kadm.NewClient(cl).FetchOffsets(c.t.Context(), group)
	if err != nil {
		c.t.Fatal(err)
	}
	return offsets
}

// checkOffsets checks that the group has committed the inputs to their ends.
func (c *cluster) checkOffsets(group string, inputs ...string) {
	c.t.Helper()
	ctx, cancel := context.WithTimeout(c.t.Context(), patience)
	defer cancel()
	cl := c.client()
	defer cl.Close()
	admin := kadm.NewClient(cl)
	var wrong string
	for {
		committed, err := admin.FetchOffsets(ctx, group)
		if err != nil {
			c.t.Fatal(err)
		}
		ends, err := admin.ListEndOffsets(ctx, inputs...)
		if err != nil {
			c.t.Fatal(err)
		}
		wrong = ""
		ends.Each(func(end kadm.ListedOffset) {
			have, _ := committed.Lookup(end.Topic, end.Partition)
			if have.At != end.Offset && end.Offset > 0 {
				wrong = fmt.Sprintf("%s/%d ends at %d and is committed to %d",
					end.Topic, end.Partition, end.Offset, have.At)
			}
		})
		if wrong == "" {
			return
		}
		if !wait(ctx) {
			c.t.Errorf("%s", wrong)
			return
		}
	}
}

func wait(ctx context.Context) bool {
	select {
	case <-time.After(10 * time.Millisecond):
		return true
	case <-ctx.Done():
		return false
	}
}
