//go:build system

package system_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"refold/audit"
	"refold/system/realkafka"
)

const (
	words         = 100_000
	distinctWords = 500
)

// G2, G3, G4: the engine on brokers of both transaction versions, killed with -9 twice and stopped
// once in the middle of its work: each word is counted once, in order, and the table agrees.
func TestEngineCountsWordsOnce(t *testing.T) {
	for _, version := range []int{1, 2} {
		t.Run(fmt.Sprintf("transaction.version %d", version), func(t *testing.T) {
			c := startCluster(t, version)
			makeTopics(t, c, wordsTopic, countsTopic)
			makeTable(t, c, wordCountGroup+"-table")
			writeWords(t, c)

			ends := []syscall.Signal{syscall.SIGKILL, syscall.SIGTERM, syscall.SIGKILL}
			for i, end := range ends {
				counter := startWordCount(t, c)
				eventually(t, time.Minute, atLeast(c, wordCountGroup, wordsTopic, words*(i+1)/5))
				counter.Signal(end)
				if err := counter.Wait(); end == syscall.SIGTERM && err != nil {
					t.Errorf("after SIGTERM the word count ended with %v\n%s", err, counter.Tail())
				}
			}
			counter := startWordCount(t, c)
			eventually(t, 2*time.Minute, atLeast(c, wordCountGroup, wordsTopic, words))
			counter.Signal(syscall.SIGTERM)
			if err := counter.Wait(); err != nil {
				t.Errorf("after SIGTERM the word count ended with %v\n%s", err, counter.Tail())
			}
			checkCounts(t, c)
		})
	}
}

func startWordCount(t *testing.T, c *cluster) *realkafka.Process {
	t.Helper()
	p, err := realkafka.Start(realkafka.Command{
		Name: filepath.Base(t.Name()), Dir: servers.dir, Args: []string{os.Args[0]},
		Env: append(os.Environ(), wordCountVariable+"="+c.broker.Address()),
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Kill)
	return p
}

// writeWords writes every word as often as every other.
func writeWords(t *testing.T, c *cluster) {
	t.Helper()
	client, err := kgo.NewClient(kgo.SeedBrokers(c.brokers()...))
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	for i := range words {
		word := fmt.Appendf(nil, "word-%d", i%distinctWords)
		client.Produce(t.Context(), &kgo.Record{Topic: wordsTopic, Key: word, Value: word},
			func(_ *kgo.Record, err error) {
				if err != nil {
					t.Errorf("writing words: %v", err)
				}
			})
	}
	if err := client.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
}

// checkCounts reads what a reader sees who sees only what was committed.
func checkCounts(t *testing.T, c *cluster) {
	t.Helper()
	counts := make(map[string]int64)
	seen, err := audit.Scan(t.Context(), c.brokers(), countsTopic, func(r *kgo.Record) error {
		word := string(r.Key)
		count, err := parseCount(r.Value)
		if err == nil && count != counts[word]+1 {
			err = fmt.Errorf("%s is counted %d after %d", word, count, counts[word])
		}
		counts[word] = count
		return err
	})
	if err != nil {
		t.Error(err)
	}
	for _, name := range seen.Undecided {
		t.Errorf("%s has an open transaction", name)
	}
	table := make(map[string]int64)
	_, err = audit.Scan(t.Context(), c.brokers(), wordCountGroup+"-table",
		func(r *kgo.Record) (err error) {
			table[string(r.Key)], err = parseCount(r.Value)
			return err
		})
	if err != nil {
		t.Error(err)
	}
	for i := range distinctWords {
		word := fmt.Sprintf("word-%d", i)
		if want := int64(words / distinctWords); counts[word] != want || table[word] != want {
			t.Errorf("%s: counted %d, in the table %d, want %d", word, counts[word], table[word],
				want)
		}
	}
	t.Logf("%d offsets of %s hold aborted records and markers of nothing", seen.Hidden, countsTopic)
}

// atLeast is the condition that a group has committed so many records of a topic.
func atLeast(c *cluster, group, topic string, n int) func(context.Context) error {
	return func(ctx context.Context) error {
		committed, err := audit.Committed(ctx, c.brokers(), group, topic)
		if err != nil {
			return err
		}
		var sum int64
		for _, offset := range committed {
			sum += offset
		}
		if sum < int64(n) {
			return fmt.Errorf("the group %s has committed %d of %d records of %s", group, sum, n,
				topic)
		}
		return nil
	}
}

const partitions = 4

// makeTopics makes topics as they are made by default.
func makeTopics(t *testing.T, c *cluster, names ...string) {
	t.Helper()
	createTopics(t, c, nil, names...)
}

// makeTable makes a compacted topic.
func makeTable(t *testing.T, c *cluster, name string) {
	t.Helper()
	createTopics(t, c, map[string]*string{"cleanup.policy": kadm.StringPtr("compact")}, name)
}

func createTopics(t *testing.T, c *cluster, config map[string]*string, names ...string) {
	t.Helper()
	client, err := kgo.NewClient(kgo.SeedBrokers(c.brokers()...))
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	made, err := kadm.NewClient(client).CreateTopics(t.Context(), partitions, 1, config, names...)
	if err == nil {
		err = made.Error()
	}
	if err != nil {
		t.Fatal(err)
	}
}
