package simulate_test

import (
	"fmt"
	"hash/fnv"
	"strings"

	"github.com/lovoo/goka"
	"github.com/lovoo/goka/codec"
	"github.com/twmb/franz-go/pkg/kgo"

	"refold/codecs"
	"refold/kafka"
)

// The graph that workers run: a row says how many records its key has had and digests them in their
// order, and each record leads to an output that is the same. So one record too many, too few, or out
// of its place shows in every row and output of the key from there on.
const (
	group = "chain"
	in    = "in"
	out   = "out"
	table = "chain-table"
	// closes is a record that deletes its key's row, and idles one that leads to nothing: a batch of such
	// records commits its offsets outside of any transaction.
	closes = "close"
	idles  = "idle"
)

// graph has a callback for each record, or one for all records of a poll.
func graph(begin func(), all bool) *goka.GroupGraph {
	if all {
		return recordsGraph(begin)
	}
	return goka.DefineGroup(group,
		goka.Input(in, new(codec.String), func(ctx goka.Context, msg any) {
			begin()
			before, _ := ctx.Value().(string)
			row, output := fold(before, msg.(string))
			if output == "" {
				return
			}
			if row == "" {
				ctx.Delete()
			} else {
				ctx.SetValue(row)
			}
			ctx.Emit(out, ctx.Key(), output, goka.WithCtxEmitHeaders(goka.Headers{
				codecs.HeaderSequence: numberIn(output),
			}))
		}),
		goka.Output(out, new(codec.String)), goka.Persist(new(codec.String)))
}

// recordsGraph is graph with a callback for all records of a poll.
func recordsGraph(begin func()) *goka.GroupGraph {
	return goka.DefineGroup(group,
		goka.Input(in, kafka.RecordsCodec{}, func(ctx goka.Context, _ any) {
			for records := ctx.(kafka.Records); records.Next(); {
				begin()
				r := records.Record()
				row, output := fold(string(records.Row()), string(r.Value))
				switch {
				case output == "":
					continue
				case row == "":
					records.SetRow(nil)
				default:
					records.SetRow([]byte(row))
				}
				records.Send(out, r.Key, []kgo.RecordHeader{{
					Key: codecs.HeaderSequence, Value: numberIn(output),
				}}, []byte(output))
			}
		}),
		goka.Output(out, kafka.RecordsCodec{}), goka.Persist(new(codec.String)))
}

// numberIn returns the number of an output among those of its key: histories are made of it.
func numberIn(output string) []byte {
	_, row, _ := strings.Cut(output, " ")
	number, _, _ := strings.Cut(row, " ")
	return []byte(number)
}

// fold is what a record makes of its key's row, "" being none, and the output that it leads to, "" being
// none, too.
func fold(row, record string) (after, output string) {
	if strings.HasSuffix(record, idles) {
		return row, ""
	}
	row = plain(row)
	n := 0
	_, _ = fmt.Sscanf(row, "%d ", &n) // no row: zero
	digest := fnv.New64a()
	digest.Write([]byte(row + "\x00" + record))
	after = fmt.Sprintf("%d %x", n+1, digest.Sum64())
	if strings.HasSuffix(record, closes) {
		return "", record + " " + after
	}
	return after, record + " " + after
}
