package exactlyonce_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/lovoo/goka"
	"github.com/lovoo/goka/codec"
	"github.com/twmb/franz-go/pkg/kgo"

	"refold/kafka"
)

// framed passes frames through.
type framed struct{ *codec.Bytes }

func (framed) Framed() {}

// Codecs that say so get headers and value in one piece, and write them so; other codecs of the
// same graph know nothing of it. Nothing is lost: not what is nil, nor two headers of one name.
func TestFramedCodecs(t *testing.T) {
	c := startCluster(t, 0, topic("framed-in", 1), topic("plain-in", 1), topic("framed-out", 1),
		topic("plain-out", 1))
	handle := func(ctx goka.Context, msg any) {
		if ctx.Topic() == "plain-in" {
			frame := kafka.AppendHeader(nil, "from", "plain-in")
			ctx.Emit("framed-out", ctx.Key(), append(kafka.EndHeaders(frame), msg.([]byte)...))
			return
		}
		if len(ctx.Headers()) > 0 {
			t.Errorf("headers beside the frame: %v", ctx.Headers())
		}
		ctx.Emit("framed-out", ctx.Key(), msg)
		split, err := kafka.SplitFrame(nil, msg.([]byte))
		if err != nil {
			t.Error(err)
		}
		ctx.Emit("plain-out", ctx.Key(), split.Value)
	}
	graph := goka.DefineGroup("frames",
		goka.Input("framed-in", framed{new(codec.Bytes)}, handle),
		goka.Input("plain-in", new(codec.Bytes), handle),
		goka.Output("framed-out", framed{new(codec.Bytes)}),
		goka.Output("plain-out", new(codec.Bytes)))
	c.work(c.config("worker"), graph, goka.WithNilHandling(goka.NilProcess)).isReady()
	headers := make([]kgo.RecordHeader, 0, 20) // more than one is given room for
	for range cap(headers) {
		headers = append(headers, kgo.RecordHeader{Key: "again", Value: []byte("and again")})
	}
	c.put(record("framed-in", "a", "many", headers...))
	c.put(record("framed-in", "b", "none"))
	c.put(&kgo.Record{Topic: "framed-in", Key: []byte("c"), Headers: []kgo.RecordHeader{{Key: "nil"}}})
	c.put(&kgo.Record{Topic: "framed-in", Value: []byte("no key")})
	c.put(record("plain-in", "d", "plain", headers[0]))
	eventually(t, "all is handled", func() bool {
		return len(c.values("plain-out")) == 4 && len(c.values("framed-out")) == 5
	})

	from := []kgo.RecordHeader{{Key: "from", Value: []byte("plain-in")}}
	want := map[string][]*kgo.Record{
		"framed-out": {
			record("", "a", "many", headers...), record("", "b", "none"),
			record("", "d", "plain", from...),
			{Value: []byte("no key")},
			{Key: []byte("c"), Headers: []kgo.RecordHeader{{Key: "nil"}}},
		},
		"plain-out": {
			record("", "a", "many"), record("", "b", "none"), record("", "", "no key"),
			{Key: []byte("c")},
		},
	}
	for topic, records := range want {
		got := make(map[string]*kgo.Record)
		for _, r := range c.read(topic)[0] {
			got[string(r.Key)] = r
		}
		for _, r := range records {
			g := got[string(r.Key)]
			if g == nil {
				t.Errorf("%s: nothing for %s", topic, r.Key)
				continue
			}
			type record struct {
				Key, Value []byte
				Headers    []kgo.RecordHeader
			}
			diff := cmp.Diff(record{r.Key, r.Value, r.Headers}, record{g.Key, g.Value, g.Headers})
			if diff != "" {
				t.Errorf("%s: %q: %s", topic, r.Key, diff)
			}
		}
		if len(got) != len(records) {
			t.Errorf("%s has %d records, want %d", topic, len(got), len(records))
		}
	}
}

// A loop is an input and an output: what somebody else puts there comes as a frame, and what the
// graph puts there comes back as it was.
func TestFramedLoop(t *testing.T) {
	const loop = "frames-loop"
	c := startCluster(t, 0, topic("in", 1), topic(loop, 1), topic("out", 1))
	graph := goka.DefineGroup("frames",
		goka.Input("in", framed{new(codec.Bytes)}, func(ctx goka.Context, msg any) {
			ctx.Loopback(ctx.Key(), msg)
		}),
		goka.Loop(framed{new(codec.Bytes)}, func(ctx goka.Context, msg any) {
			ctx.Emit("out", ctx.Key(), msg)
		}),
		goka.Output("out", framed{new(codec.Bytes)}))
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
