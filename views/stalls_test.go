package views_test

import (
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"

	"refold/views"
)

// The live tail of a view can't be fetched any more: Ready names the topic, the partition and the cause, as
// long as it lasts. Then the view catches up by itself.
func TestViewThatCannotBeRead(t *testing.T) {
	for _, answer := range []*kerr.Error{kerr.TopicAuthorizationFailed, kerr.CorruptMessage} {
		t.Run(answer.Message, func(t *testing.T) {
			f := newFixture(t)
			f.write(t, topics.Table, "a", row(1))
			v := f.run(t, func(o *views.Options) { o.Limits.StallAfter = 200 * time.Millisecond })
			fault := f.cluster.Kafka().Fault(kfake.Fault{
				Keys: []kmsg.Key{kmsg.Fetch}, Topic: topics.Table, Err: answer, Count: -1,
			})
			f.write(t, topics.Table, "a", row(2))
			last := ""
			eventually(t, func() bool {
				err := v.Ready()
				if err != nil {
					last = err.Error()
				}
				return strings.Contains(last, topics.Table+"/") && strings.Contains(last, "stands still") &&
					strings.Contains(last, answer.Message)
			})
			fault.Remove()
			eventually(t, func() bool {
				_, err := v.counters.Get("a")
				return err == nil && v.Ready() == nil
			})
		})
	}
}
