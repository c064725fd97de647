package exactlyonce_test

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/lovoo/goka"
	"github.com/lovoo/goka/codec"
	"github.com/twmb/franz-go/pkg/kgo"

	"refold/kafka"
)

// echoes sends each record on to a topic, as it came.
func echoes(to string) goka.ProcessCallback {
	return func(ctx goka.Context, _ any) {
		for records := ctx.(kafka.Records); records.Next(); {
			r := records.Record()
			records.Send(to, r.Key, r.Headers, r.Value)
		}
	}
}

// A callback that takes records gets and writes them as they are on the wire. Nothing is lost: not what is
// nil, nor two headers of one name. Other callbacks of the same graph know nothing of it.
func TestRecords(t *testing.T) {
	c := startCluster(t, 0, topic("in", 1), topic("plain-in", 1), topic("out", 1), topic("plain-out", 1))
	graph := goka.DefineGroup("records",
		goka.Input("in", kafka.RecordsCodec{}, echoes("out")),
		goka.Input("plain-in", new(codec.String), func(ctx goka.Context, msg any) {
			ctx.Emit("plain-out", ctx.Key(), msg)
		}),
		goka.Output("out", kafka.RecordsCodec{}), goka.Output("plain-out", new(codec.String)))
	c.work(c.config("worker"), graph).isReady()
	headers := make([]kgo.RecordHeader, 0, 20) // more than one is given room for
	for range cap(headers) {
		headers = append(headers, kgo.RecordHeader{Key: "again", Value: []byte("and again")})
	}
	want := []*kgo.Record{
		record("in", "a", "many", headers...),
		record("in", "b", "none"),
		{Topic: "in", Key: []byte("c"), Headers: []kgo.RecordHeader{{Key: "nil"}}},
		{Topic: "in", Value: []byte("no key")},
		record("in", "large", strings.Repeat("x", 100_000)),
	}
	for _, r := range want {
		c.put(r)
	}
	c.put(record("plain-in", "d", "plain", headers[0]))
	eventually(t, "all is handled", func() bool {
		return len(c.values("out")) == len(want) && len(c.values("plain-out")) == 1
	})
	type content struct {
		Key, Value []byte
		Headers    []kgo.RecordHeader
	}
	contents := func(records []*kgo.Record) (of []content) {
		for _, r := range records {
			of = append(of, content{r.Key, r.Value, r.Headers})
		}
		return of
	}
	if diff := cmp.Diff(contents(want), contents(c.read("out")[0])); diff != "" {
		t.Error(diff)
	}
}

// A loop is an input and an output: what somebody else puts there comes as what the graph puts there.
func TestRecordsOfALoop(t *testing.T) {
	const loop = "records-loop"
	c := startCluster(t, 0, topic("in", 1), topic(loop, 1), topic("out", 1))
	graph := goka.DefineGroup("records",
		goka.Input("in", kafka.RecordsCodec{}, echoes(loop)), goka.Loop(kafka.RecordsCodec{}, echoes("out")),
		goka.Output("out", kafka.RecordsCodec{}))
	c.work(c.config("worker"), graph).isReady()
	header := kgo.RecordHeader{Key: "h", Value: []byte("1")}
	for _, in := range []string{loop, "in"} {
		c.put(record(in, in, "\x00value", header))
	}
	eventually(t, "both are through", func() bool { return len(c.values("out")) == 2 })
	for _, r := range c.read("out")[0] {
		if string(r.Value) != "\x00value" || !cmp.Equal(r.Headers, []kgo.RecordHeader{header}) {
			t.Errorf("by %s: %q, %v", r.Key, r.Value, r.Headers)
		}
	}
}

// Rows that a callback writes are those that it reads, in the batch and after it, and they are on the table's
// topic with the last value of each.
func TestRowsOfRecords(t *testing.T) {
	c := startCluster(t, 0, topic("in", 1), topic("records-table", 1))
	graph := goka.DefineGroup("records",
		goka.Input("in", kafka.RecordsCodec{}, func(ctx goka.Context, _ any) {
			for records := ctx.(kafka.Records); records.Next(); {
				records.SetRow(append(slices.Clip(records.Row()), records.Record().Value...))
			}
		}),
		goka.Persist(new(codec.Bytes)))
	w := c.work(c.config("worker"), graph)
	w.isReady()
	for _, value := range []string{"a", "b", "c"} {
		c.put(record("in", "1", value))
		c.put(record("in", "2", value+value))
	}
	eventually(t, "all is handled", func() bool {
		one, _ := w.Get("1")
		two, _ := w.Get("2")
		return cmp.Equal(one, []byte("abc")) && cmp.Equal(two, []byte("aabbcc"))
	})
	eventually(t, "all is committed", func() bool {
		last := map[string]string{}
		for _, r := range c.read("records-table")[0] {
			last[string(r.Key)] = string(r.Value)
		}
		return cmp.Equal(last, map[string]string{"1": "abc", "2": "aabbcc"})
	})
}

// A callback that fails in the middle of its records takes back what it has done for the ones before (G3).
func TestRecordsFailTogether(t *testing.T) {
	c := startCluster(t, 0, topic("in", 1), topic("out", 1))
	graph := goka.DefineGroup("records",
		goka.Input("in", kafka.RecordsCodec{}, func(ctx goka.Context, _ any) {
			for records := ctx.(kafka.Records); records.Next(); {
				r := records.Record()
				if string(r.Value) == "bad" {
					records.Fail(errors.New("a bad one"))
				}
				records.Send("out", r.Key, nil, r.Value)
			}
		}),
		goka.Output("out", kafka.RecordsCodec{}))
	for _, value := range []string{"good", "bad", "good"} {
		c.put(record("in", "1", value))
	}
	w := c.work(c.config("worker"), graph)
	if err := w.wait(); err == nil || !strings.Contains(err.Error(), "a bad one") {
		t.Errorf("it ended with %v", err)
	}
	if got := c.values("out"); len(got) > 0 {
		t.Errorf("written: %q", got)
	}
}

// A record for a topic that is no output of the graph ends the processor.
func TestRecordsAreSentToOutputsOnly(t *testing.T) {
	c := startCluster(t, 0, topic("in", 1), topic("out", 1))
	graph := goka.DefineGroup("records", goka.Input("in", kafka.RecordsCodec{}, echoes("other")),
		goka.Output("out", kafka.RecordsCodec{}))
	c.put(record("in", "1", "value"))
	err := c.work(c.config("worker"), graph).wait()
	if err == nil || !strings.Contains(err.Error(), "other") {
		t.Errorf("it ended with %v", err)
	}
}
