package exactlyonce_test

import (
	"bytes"
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
// same graph know nothing of it. What has no value comes without codec, so with Goka's headers.
func TestFramedCodecs(t *testing.T) {
	c := startCluster(t, 0, topic("framed-in", 1), topic("plain-in", 1), topic("framed-out", 1),
		topic("plain-out", 1))
	handle := func(ctx goka.Context, msg any) {
		if msg == nil {
			ctx.Emit("plain-out", ctx.Key(), []byte("nil"), goka.WithCtxEmitHeaders(ctx.Headers()))
			return
		}
		if ctx.Topic() == "plain-in" {
			frame := kafka.AppendHeader(nil, "from", "plain-in")
			ctx.Emit("framed-out", ctx.Key(), append(kafka.EndHeaders(frame), msg.([]byte)...))
			return
		}
		if len(ctx.Headers()) > 0 {
			t.Errorf("headers beside the frame: %v", ctx.Headers())
		}
		ctx.Emit("framed-out", ctx.Key(), msg)
		_, value, err := kafka.SplitFrame(nil, msg.([]byte))
		if err != nil {
			t.Error(err)
		}
		ctx.Emit("plain-out", ctx.Key(), value)
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
	c.put(&kgo.Record{Topic: "framed-in", Key: []byte("c"), Headers: headers[:1]})
	c.put(record("plain-in", "d", "plain", headers[0]))
	eventually(t, "all is handled", func() bool {
		return len(c.values("plain-out")) == 3 && len(c.values("framed-out")) == 3
	})

	from := []kgo.RecordHeader{{Key: "from", Value: []byte("plain-in")}}
	want := map[string][]*kgo.Record{
		"framed-out": {
			record("", "a", "many", headers...), record("", "b", "none"),
			record("", "d", "plain", from...),
		},
		"plain-out": {
			record("", "a", "many"), record("", "b", "none"), record("", "c", "nil", headers[0]),
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
			if diff := cmp.Diff(r.Headers, g.Headers); diff != "" || !bytes.Equal(r.Value, g.Value) {
				t.Errorf("%s: %s is %q, want %q, headers %s", topic, r.Key, g.Value, r.Value, diff)
			}
		}
		if len(got) != len(records) {
			t.Errorf("%s has %d records, want %d", topic, len(got), len(records))
		}
	}
}
