package program

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/sr"

	"refold/kafka"
	"refold/kafka/local"
	"refold/processors"
	"refold/program/command"
)

// startCluster starts a cluster with all topics and schemas, and returns the flags to reach it.
func startCluster(t *testing.T) (*local.Cluster, []string) {
	t.Helper()
	cluster, err := local.Start(local.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := cluster.Close(); err != nil {
			t.Error(err)
		}
	})
	flags := []string{
		"--kafka.brokers", strings.Join(cluster.Brokers(), ","), "--registry.urls", cluster.RegistryURL(),
		"--topics.replication-factor", "1", "--topics.partitions", "2",
	}
	expect(t, 0, nil, append([]string{"topics", "apply"}, flags...)...)
	expect(t, 0, nil, append([]string{"schemas", "register"}, flags...)...)
	return cluster, flags
}

// setAside writes dead letters to partition 0, one after the other, a minute apart.
func setAside(t *testing.T, cluster *local.Cluster, letters ...map[string]string) {
	t.Helper()
	opts, err := kafka.Settings{Brokers: cluster.Brokers()}.Options()
	if err != nil {
		t.Fatal(err)
	}
	client, err := kgo.NewClient(append(opts, kgo.RecordPartitioner(kgo.ManualPartitioner()))...)
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	for i, headers := range letters {
		r := &kgo.Record{
			Topic: "dead-letters", Key: []byte("alice"), Value: []byte(headers["value"]),
			Timestamp: time.Now().Add(time.Duration(i-10) * time.Minute),
		}
		all := map[string]string{
			processors.HeaderTopic: "account-commands", processors.HeaderPartition: "1",
			processors.HeaderOffset: "7", processors.HeaderReason: "undecodable",
			processors.HeaderMessage: "wrong", "ce_id": "id", "ce_type": "CloseAccount",
		}
		for name, value := range headers {
			if name != "value" {
				all[name] = value
			}
		}
		for name, value := range all {
			r.Headers = append(r.Headers, kgo.RecordHeader{Key: name, Value: []byte(value)})
		}
		if err := client.ProduceSync(t.Context(), r).FirstErr(); err != nil {
			t.Fatal(err)
		}
	}
}

// G8: an operator's round: what is there, what is it, put it back, discard the rest.
func TestDeadLetters(t *testing.T) {
	t.Parallel()
	cluster, flags := startCluster(t)
	const id = 200
	cluster.Registry().SeedSchema("empty", 1, id, sr.Schema{
		Schema: `{"type": "record", "name": "Empty", "namespace": "test", "fields": []}`,
	})
	setAside(t, cluster,
		map[string]string{"value": string([]byte{0, 0, 0, 0, id})},
		map[string]string{
			"value": "\x1b[31m" + strings.Repeat("x", 600), processors.HeaderMessage: "\x1b[2J",
		},
		map[string]string{processors.HeaderTopic: "account-events"})
	letters := func(args ...string) []string {
		return append(append([]string{"dead-letters"}, args...), flags...)
	}

	listed := expect(t, 0, []string{"0/0 ", "0/1 ", "0/2 ", "account-commands 1/7", `\x1b[2J`},
		letters("list")...)
	if strings.Contains(listed, "\x1b") {
		t.Errorf("the terminal is at the mercy of dead letters: %q", listed)
	}
	expect(t, 0, []string{"there are more; --limit is 1"}, letters("list", "--limit", "1")...)
	expect(t, 0, []string{"no dead letters"}, letters("list", "--since", "1m")...)
	expect(t, 0, []string{"no dead letters"}, letters("list", "--key", "")...)
	expect(t, 0, []string{"2  undecodable", "1  undecodable", "3  in all"}, letters("list", "--summary")...)
	expect(t, 0, []string{`"count":2`}, letters("list", "--summary", "--json")...)
	var entry struct{ Ref, Reason, Type, Key string }
	line := expect(t, 0, nil, letters("list", "--json", "--limit", "0", "--topic", "account-events")...)
	if err := json.Unmarshal([]byte(line), &entry); err != nil ||
		fmt.Sprint(entry) != "{0/2 undecodable CloseAccount alice}" {
		t.Errorf("%s: %v, %v", line, entry, err)
	}

	expect(t, 0, []string{"no, it is open", "test.Empty\n{"}, letters("show", "0/0")...)
	expect(t, 0, []string{"must be the magic byte", "1b 5b 33 31", "and 93 bytes more"},
		letters("show", "0/1")...)
	if raw := expect(t, 0, nil, letters("show", "0/1", "--raw")...); len(raw) != 605 {
		t.Errorf("%d bytes: %q", len(raw), raw)
	}
	expect(t, 0, []string{`"schema": "test.Empty"`}, letters("show", "0/0", "--json")...)
	expect(t, command.ExitNotFound, []string{"partitions 0 to 1"}, letters("show", "7/0")...)

	expect(t, 0, []string{"0/0        would be replayed to account-commands", "1 would be replayed"},
		letters("replay", "0/0", "--dry-run")...)
	expect(t, command.ExitLeft, []string{
		"0/0        replayed to account-commands", "0/2        not replayed", "account-events",
		"1 replayed, 1 can't be",
	}, letters("replay", "0/0", "0/2")...)
	expect(t, 0, []string{"0/0        not again: replayed", "0 replayed, 1 settled before"},
		letters("replay", "0/0")...)
	expect(t, 0, []string{"2 discarded"}, letters("discard", "--all", "--note", "our own test")...)
	expect(t, 0, []string{"discarded", "(our own test)", "replayed"}, letters("list", "--settled")...)
	expect(t, 0, []string{"no dead letters"}, letters("list")...)
}

// A record that was too large even for the dead letters is not shown as an empty one.
func TestCutDeadLetters(t *testing.T) {
	t.Parallel()
	cluster, flags := startCluster(t)
	setAside(t, cluster, map[string]string{
		processors.HeaderReason: "too-large", processors.HeaderCut: "3000000",
	})
	for asked, want := range map[string]string{
		"list": "cut, had 3000000 bytes: wrong", "list --json": `"cutBytes":"3000000"`,
		"show 0/0":        "value        none: the record had 3000000 bytes",
		"show 0/0 --json": `"cutBytes": "3000000"`,
	} {
		args := append([]string{"dead-letters"}, strings.Fields(asked)...)
		expect(t, 0, []string{want}, append(args, flags...)...)
	}
}

func TestMistakesAboutDeadLetters(t *testing.T) {
	for _, test := range []struct {
		args string
		want string
	}{
		{"replay", "--all for all that are open"},
		{"discard --limit 3", "--all for all that are open"},
		{"replay 1/2 --reason bug", "only one of them"},
		{"replay --all --key a", "only one of them"},
		{"replay 1-2", "PARTITION/OFFSET"},
		{"replay 1/2 --note " + strings.Repeat("x", 2000), "--note has 2000 bytes"},
		{"show", "accepts 1 arg"},
		{"show 1", "PARTITION/OFFSET"},
		{"list --since yesterday", "--since: \"yesterday\" is neither a time"},
		{"list --since -2h", "neither a time"},
		{"list --limit -1", "--limit"},
		{"list --summary --limit 3", "summary"},
		{"lsit", "unknown command"},
		{"list --kafka.brokers 127.0.0.1:1", "kafka.brokers: 127.0.0.1:1"},
	} {
		expect(t, command.ExitFailed, []string{test.want},
			append([]string{"dead-letters"}, strings.Fields(test.args)...)...)
	}
}

func TestMissingTopicsOfDeadLetters(t *testing.T) {
	t.Parallel()
	_, flags := startCluster(t)
	flags = append(flags, "--topics.prefix", "elsewhere-")
	for _, asked := range []string{"list", "show 0/0", "replay --all"} {
		args := append([]string{"dead-letters"}, strings.Fields(asked)...)
		expect(t, command.ExitFailed, []string{"elsewhere-dead-letters", "processor topics apply"},
			append(args, flags...)...)
	}
}
