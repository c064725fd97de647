package reset_test

import (
	"encoding/json"
	"math"
	"testing"

	"github.com/twmb/franz-go/pkg/kgo"

	"refold/kafka"
	"refold/kafka/local"
	"refold/snapshots/rebuild/reset"
)

// A dead letter counts for a command that there is: what one says that comes from behind the end of the
// topic, or from before its beginning, does not move the group's offset.
func TestADeadLetterOfACommandThatThereIsNot(t *testing.T) {
	topics := reset.Topics{
		Commands: "commands", Events: "events", Results: "results", Table: "table", DeadLetters: "letters",
		Group: "g",
	}
	var specs []kafka.TopicSpec
	for _, name := range []string{topics.Commands, topics.Events, topics.Results, topics.DeadLetters} {
		specs = append(specs, kafka.TopicSpec{Name: name, Partitions: 1})
	}
	cluster, err := local.Start(local.Options{Topics: specs})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { cluster.Close() })
	settings := kafka.Settings{Brokers: cluster.Brokers()}
	client, err := settings.Client()
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	records := []*kgo.Record{{Topic: "commands"}, {Topic: "commands"}, {Topic: "commands"}}
	for _, l := range []reset.DeadLetter{
		{"g", "commands", 0, 1},
		{"g", "commands", 0, 3},
		{"g", "commands", 0, math.MaxInt64},
		{"g", "commands", 0, math.MinInt64},
		{"g", "commands", 7, 2},
		{"other", "commands", 0, 2},
	} {
		value, err := json.Marshal(l)
		if err != nil {
			t.Fatal(err)
		}
		records = append(records, &kgo.Record{Topic: "letters", Value: value})
	}
	if err := client.ProduceSync(t.Context(), records...).FirstErr(); err != nil {
		t.Fatal(err)
	}
	reader := reset.OffsetFinder{
		Kafka: settings, Topics: topics,
		Outcome: func(*kgo.Record) (reset.Cause, error) { return reset.Cause{}, nil },
		Command: func(*kgo.Record) string { return "" },
		Letter: func(r *kgo.Record) (l reset.DeadLetter, is bool) {
			return l, json.Unmarshal(r.Value, &l) == nil
		},
	}
	at, err := reader.Find(t.Context(), []int32{0})
	if err != nil {
		t.Fatal(err)
	}
	if p := at[0]; p.Next != 2 || p.Waiting != 1 {
		t.Errorf("the group goes on at %+v, want 2, behind the last command that became a dead letter", p)
	}
}
