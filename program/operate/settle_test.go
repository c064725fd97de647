package operate

import (
	"bytes"
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/twmb/franz-go/pkg/kgo"

	"refold/kafka"
	"refold/kafka/local"
	"refold/processors"
	"refold/processors/deadletters"
)

// Dead letters are replayed only if the operator says so.
func TestAskBeforeSettling(t *testing.T) {
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	cluster, err := local.Start(local.Options{Topics: []kafka.TopicSpec{
		{Name: processors.DeadLetters(""), Partitions: 1},
		{Name: deadletters.NamesOf("").Settled, Partitions: 1},
		{Name: "account-commands", Partitions: 1},
	}})
	must(err)
	defer cluster.Close()
	options, err := kafka.Settings{Brokers: cluster.Brokers()}.Options()
	must(err)
	client, err := kgo.NewClient(options...)
	must(err)
	defer client.Close()
	for _, value := range []string{"x", "y"} {
		letter := &kgo.Record{Topic: processors.DeadLetters(""), Key: []byte("alice"), Value: []byte(value)}
		for name, header := range map[string]string{
			processors.HeaderTopic: "account-commands", processors.HeaderPartition: "0",
			processors.HeaderOffset: "7", processors.HeaderReason: "undecodable",
			processors.HeaderMessage: "wrong",
		} {
			letter.Headers = append(letter.Headers, kgo.RecordHeader{Key: name, Value: []byte(header)})
		}
		must(client.ProduceSync(t.Context(), letter).FirstErr())
	}
	queue, err := deadletters.Open(t.Context(), deadletters.Settings{
		Kafka: options, Names: deadletters.NamesOf(""), Commands: []string{"account-commands"},
		RecordBytes: kafka.DefaultRecordBytes,
	})
	must(err)
	defer queue.Close()
	for answer, want := range map[string]bool{
		"y\n": true, "YES\n": true, "n\n": false, "\n": false, "": false,
	} {
		var out bytes.Buffer
		cmd := &cobra.Command{}
		cmd.SetIn(strings.NewReader(answer))
		cmd.SetOut(&out)
		cmd.SetErr(&out)
		l := lettersSettle{disposition: deadletters.Replayed}
		agreed, err := l.ask(t.Context(), cmd, queue, deadletters.Selection{Open: true})
		if agreed != want || (err == nil) != want {
			t.Errorf("%q: agreed %v, %v", answer, agreed, err)
		}
		if !strings.Contains(out.String(), "2 dead letters shall be replayed. Go on? [y/N]") {
			t.Errorf("it asked %q", out.String())
		}
	}
}
