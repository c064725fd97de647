package program

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/twmb/franz-go/pkg/kgo"

	"refold/codecs"
	"refold/kafka"
	"refold/kafka/local"
	"refold/program/command"
)

var update = flag.Bool("update", false, "write the golden files")

// golden compares a text with a file in testdata.
func golden(t *testing.T, name, got string) {
	t.Helper()
	got = regexp.MustCompile(`http://127\.0\.0\.1:\d+`).ReplaceAllString(got, "http://registry")
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s (-update writes it):\n%s", path, diff)
	}
}

// newSales is a cluster with a topic of somebody else, called sales, and the flags that name the cluster.
func newSales(t *testing.T) (settings []string, client *kgo.Client) {
	t.Helper()
	cluster, err := local.Start(local.Options{Topics: []kafka.TopicSpec{
		{Name: "sales", Partitions: 2}, {Name: "account-events", Partitions: 3},
	}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cluster.Close() })
	client, err = kafka.Settings{Brokers: cluster.Brokers()}.Client(
		kgo.RecordPartitioner(kgo.ManualPartitioner()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	registry, err := codecs.NewRegistry(codecs.RegistrySettings{
		URLs: []string{cluster.RegistryURL()}, Mode: codecs.Register,
	})
	if err != nil {
		t.Fatal(err)
	}
	defer registry.Close()
	id, err := registry.ID(t.Context(), "shop.Sold", `{"type": "record", "name": "Sold", "namespace": "shop",
		"fields": [{"name": "price", "type": "long"}]}`)
	if err != nil {
		t.Fatal(err)
	}
	sold := binary.AppendVarint(codecs.AppendWireHeader(nil, id), 9007199254740993)
	headers := []kgo.RecordHeader{
		{Key: "ce_id", Value: []byte("s-1")},
		{Key: "ce_type", Value: []byte("Sold")},
		{Key: "raw", Value: []byte{0xff}},
		{Key: "evil", Value: []byte("\x1b[31m")},
	}
	at := time.Date(2026, 1, 31, 12, 0, 0, 0, time.UTC)
	for i, r := range []*kgo.Record{
		{Key: []byte("alice"), Value: sold, Headers: headers},
		{Key: []byte("bob"), Value: []byte(`{"price": 5, "note": "<cheap>"}`)},
		{Key: []byte("alice"), Value: nil},
		{Key: []byte{0, 1}, Value: []byte("two\nlines")},
		{Key: nil, Value: []byte{0xff, 0xfe}},
		{Key: []byte(""), Value: []byte{0, 0, 0, 0, 99, 1}},
	} {
		r.Topic, r.Partition, r.Timestamp = "sales", int32(i%2), at.Add(time.Duration(i)*time.Second)
		if err := client.ProduceSync(t.Context(), r).FirstErr(); err != nil {
			t.Fatal(err)
		}
	}
	return []string{
		"--kafka.brokers", strings.Join(cluster.Brokers(), ","), "--registry.urls", cluster.RegistryURL(),
	}, client
}

func TestTopicCat(t *testing.T) {
	t.Parallel()
	settings, client := newSales(t)
	cat := func(t *testing.T, code int, wants []string, args ...string) string {
		t.Helper()
		return expect(t, code, wants, append(append([]string{"topic", "cat"}, args...), settings...)...)
	}
	golden(t, "topiccat.txt", cat(t, 0, nil, "sales", "--headers"))
	golden(t, "topiccat.jsonl", cat(t, 0, nil, "sales", "--output", "json"))

	for name, test := range map[string]struct {
		args  string
		lines int
	}{
		"a key":              {"--key alice", 2},
		"a type":             {"--type Sold", 1},
		"a header":           {"--header ce_id=s-1", 1},
		"a chain":            {"--correlation-id s-1", 1},
		"a time":             {"--since 2026-01-31T12:00:04Z", 2},
		"a span of offsets":  {"--from 1 --to 2", 2},
		"the last":           {"--tail 1 --partition 1", 1},
		"a limit":            {"--limit 4", 4},
		"an exact number":    {"--where has(value.price)&&value.price==9007199254740993 --output json", 1},
		"nothing, uncounted": {"--where key=='nobody'", 0},
	} {
		t.Run(name, func(t *testing.T) {
			got := cat(t, 0, nil, append([]string{"sales"}, strings.Fields(test.args)...)...)
			if lines := strings.Count(got, "\n"); lines != test.lines {
				t.Errorf("%d lines, want %d:\n%s", lines, test.lines, got)
			}
		})
	}

	t.Run("only the partition of a key, if it is sure", func(t *testing.T) {
		record := &kgo.Record{Topic: "account-events", Partition: kafka.Partition([]byte("zoe"), 3)}
		record.Key, record.Value = []byte("zoe"), []byte("here")
		if err := client.ProduceSync(t.Context(), record).FirstErr(); err != nil {
			t.Fatal(err)
		}
		cat(t, 0, []string{"here", "where the key belongs"}, "account-events", "--key", "zoe")
		all := cat(t, 0, []string{"here"}, "account-events", "--key", "zoe", "--all-partitions")
		if strings.Contains(all, "belongs") {
			t.Error(all)
		}
	})
	t.Run("what can't be", func(t *testing.T) {
		cat(t, command.ExitFailed, []string{`there is no topic "slaes"`}, "slaes")
		cat(t, command.ExitFailed, []string{"--where: line 1, column 1", "--header", "--since", "--output"},
			"sales", "--where", "vlue > 1", "--header", "x", "--since", "soon", "--output", "xml")
		cat(t, command.ExitFailed, []string{"no partition 7; it has 0 to 1"}, "sales", "--partition", "7")
	})
}

// Following ends without an error when it is interrupted.
func TestTopicCatFollow(t *testing.T) {
	t.Parallel()
	settings, client := newSales(t)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	out, code := new(output), make(chan int, 1)
	go func() {
		args := append([]string{"topic", "cat", "sales", "--follow", "--tail", "1"}, settings...)
		code <- execute(ctx, out, nil, args...)
	}()
	eventually(t, func() bool { return strings.Count(out.String(), "\n") == 2 }, out)
	record := &kgo.Record{Topic: "sales", Value: []byte("news")}
	if err := client.ProduceSync(ctx, record).FirstErr(); err != nil {
		t.Fatal(err)
	}
	eventually(t, func() bool { return strings.Contains(out.String(), "news") }, out)
	cancel()
	if got := <-code; got != 0 {
		t.Errorf("exit code %d\n%s", got, out)
	}
}

// A transaction that stays open is told, and has an exit code.
func TestTopicCatEndsBeforeAnOpenTransaction(t *testing.T) {
	t.Parallel()
	settings, client := newSales(t)
	brokers := client.OptValue(kgo.SeedBrokers).([]string)
	tx, err := kafka.Settings{Brokers: brokers}.Client(kgo.TransactionalID("open"))
	if err != nil {
		t.Fatal(err)
	}
	defer tx.Close()
	if err := tx.BeginTransaction(); err != nil {
		t.Fatal(err)
	}
	secret := &kgo.Record{Topic: "sales", Value: []byte("secret")}
	if err := tx.ProduceSync(t.Context(), secret).FirstErr(); err != nil {
		t.Fatal(err)
	}
	args := append([]string{"topic", "cat", "sales", "--patience", "1ms"}, settings...)
	wants := []string{"before a transaction that is open", "--uncommitted"}
	text := expect(t, command.ExitPending, wants, args...)
	if strings.Contains(text, "secret") {
		t.Error(text)
	}
	expect(t, 0, []string{"[undecided]  text  secret"}, append(args, "--uncommitted")...)
	if err := tx.EndTransaction(t.Context(), kgo.TryAbort); err != nil {
		t.Fatal(err)
	}
	expect(t, 0, []string{"[aborted]  text  secret"}, append(args, "--uncommitted")...)
}

func TestTopicDescribe(t *testing.T) {
	t.Parallel()
	settings, _ := newSales(t)
	describe := func(code int, wants []string, args ...string) string {
		return expect(t, code, wants, append(append([]string{"topic", "describe"}, args...), settings...)...)
	}
	describe(0, []string{
		"records  at most 6", "all settings are Kafka's defaults", "1 shop.Sold", "unknown-schema",
	}, "sales")
	var got struct {
		Offsets    int64
		Partitions []struct{ Start, End int64 }
		Last       []any
	}
	text := describe(0, nil, "sales", "--last", "0", "--output", "json")
	if err := json.Unmarshal([]byte(text), &got); err != nil {
		t.Fatal(err)
	}
	if got.Offsets != 6 || len(got.Partitions) != 2 || got.Partitions[1].End != 3 || len(got.Last) != 0 {
		t.Error(text)
	}
	describe(command.ExitFailed, []string{`there is no topic "slaes"`}, "slaes")
	describe(command.ExitFailed, []string{"--last is -1"}, "sales", "--last", "-1")
}
