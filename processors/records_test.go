package processors_test

import (
	"slices"
	"testing"

	"github.com/lovoo/goka"
	"github.com/lovoo/goka/tester"
	"github.com/twmb/franz-go/pkg/kgo"

	"refold/kafka"
)

// runner runs a graph on records, one at a time, and keeps what comes of them. It does what the engine does
// for callbacks that take kafka.Records.
type runner struct {
	tester  *tester.Tester
	pending []*kgo.Record
	offsets map[string]int64
	rows    map[string][]byte
	sent    map[string][]*kgo.Record // by topic, what was not looked at
	err     chan error
}

func newRunner(t *testing.T, graph *goka.GroupGraph) *runner {
	t.Helper()
	r := &runner{
		tester: tester.New(t), offsets: map[string]int64{}, rows: map[string][]byte{},
		sent: map[string][]*kgo.Record{}, err: make(chan error, 1),
	}
	processor, err := goka.NewProcessor(nil, graph, goka.WithTester(r.tester),
		goka.WithNilHandling(goka.NilProcess), goka.WithContextWrapper(func(ctx goka.Context) goka.Context {
			left := r.pending
			r.pending = nil
			return &turn{gokaContext: ctx, runner: r, left: left}
		}))
	must(t, err)
	go func() { r.err <- processor.Run(t.Context()) }()
	must(t, processor.WaitForReadyContext(t.Context()))
	return r
}

// handle has the graph handle records of a topic at once.
func (r *runner) handle(topic string, records ...*kgo.Record) {
	for _, record := range records {
		record.Topic, record.Offset = topic, r.offsets[topic]
		r.offsets[topic]++
	}
	r.pending = records
	r.tester.Consume(topic, "", nil)
}

// next removes the next record that was sent to a topic.
func (r *runner) next(topic string) (record *kgo.Record, has bool) {
	if len(r.sent[topic]) == 0 {
		return nil, false
	}
	record, r.sent[topic] = r.sent[topic][0], r.sent[topic][1:]
	return record, true
}

// gokaContext is embedded under a name that leaves room for the method Context.
type gokaContext = goka.Context

// turn is the kafka.Records of one call of the callback.
type turn struct {
	gokaContext
	*runner
	left   []*kgo.Record
	record *kgo.Record
}

var _ kafka.Records = (*turn)(nil)

func (t *turn) Next() bool {
	if len(t.left) == 0 {
		return false
	}
	t.record, t.left = t.left[0], t.left[1:]
	return true
}

func (t *turn) Record() *kgo.Record { return t.record }

func (t *turn) Row() []byte { return t.rows[string(t.record.Key)] }

func (t *turn) SetRow(row []byte) { t.rows[string(t.record.Key)] = row }

func (t *turn) Send(topic string, key []byte, headers []kgo.RecordHeader, value []byte) {
	sent := &kgo.Record{Key: slices.Clone(key), Value: slices.Clone(value)}
	for _, h := range headers {
		sent.Headers = append(sent.Headers, kgo.RecordHeader{Key: h.Key, Value: slices.Clone(h.Value)})
	}
	t.sent[topic] = append(t.sent[topic], sent)
}

// recordHeaders are headers in the order of their names.
func recordHeaders(headers goka.Headers) (of []kgo.RecordHeader) {
	for name, value := range headers {
		of = append(of, kgo.RecordHeader{Key: name, Value: value})
	}
	slices.SortFunc(of, func(a, b kgo.RecordHeader) int {
		if a.Key < b.Key {
			return -1
		}
		return 1
	})
	return of
}
