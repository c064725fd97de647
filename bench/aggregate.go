package bench

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/lovoo/goka"
	"github.com/twmb/franz-go/pkg/kgo"

	"refold/codecs"
	"refold/eventsourcing"
	"refold/processors"
)

// Subject is what is measured: its commands, and its results.
type Subject interface {
	// Command makes the i-th command.
	Command(i int) (*kgo.Record, error)
	// Results is the topic that has one record for each command.
	Results() string
	// Index returns the command that a result is of. The results of other commands are not its own.
	Index(result *kgo.Record) (i int, own bool)
}

// aggregate is an aggregate as a worker handles it: Avro, headers, results and all.
type aggregate struct {
	*processors.OpenAggregate

	topics processors.Topics
	keys   int
	chosen Keys
}

// Aggregate returns the subject of an aggregate whose topics have the prefix: its sample traffic. The first
// commands are the keys' first ones. If keys don't take turns, all further commands to a key are alike: the
// second of its sample traffic.
func Aggregate(a *processors.OpenAggregate, prefix string, keys Keys) (Subject, error) {
	subject, err := newAggregate(a, prefix, keys.Count)
	if err != nil {
		return nil, err
	}
	subject.chosen = keys
	return subject, nil
}

func newAggregate(a *processors.OpenAggregate, prefix string, keys int) (*aggregate, error) {
	if a.Traffic == nil {
		return nil, fmt.Errorf("%s have no sample traffic: all of their commands are internal", a.Plural)
	}
	return &aggregate{a, a.Topics(prefix), keys, Keys{Count: keys}}, nil
}

// Results is the results topic.
func (a *aggregate) Results() string { return a.topics.Results }

// Command makes the i-th command.
func (a *aggregate) Command(i int) (*kgo.Record, error) {
	k, n := a.chosen.of(i), i/a.keys
	if a.chosen.Choose != nil {
		n = min(n, 1)
	}
	return a.send(i, a.Name+"-"+strconv.Itoa(k), a.traffic(k, n))
}

// traffic returns the n-th command to the k-th key, the same one each time.
func (a *aggregate) traffic(k, n int) any {
	return a.Traffic(n, rand.New(rand.NewPCG(uint64(k), uint64(n))))
}

// send makes the i-th command.
func (a *aggregate) send(i int, key string, command any) (*kgo.Record, error) {
	return Record(a.Commands, a.topics.Commands, command, eventsourcing.Metadata{
		ID: commandPrefix + strconv.Itoa(i), Source: "bench", Subject: key,
		Type: a.Commands.WrittenType(command), Time: time.Now(),
	})
}

// commandPrefix is what the IDs of commands begin with.
const commandPrefix = "command-"

// Index returns the command that a result is of. Those that a process sends have other IDs.
func (a *aggregate) Index(result *kgo.Record) (int, bool) {
	for _, h := range result.Headers {
		if h.Key == codecs.HeaderCausationID {
			number, own := strings.CutPrefix(string(h.Value), commandPrefix)
			i, err := strconv.Atoi(number)
			return i, own && err == nil
		}
	}
	return 0, false
}

// Record returns a message as workers and their clients write it, under the key of its subject.
func Record(set *codecs.Set, topic string, data any, m eventsourcing.Metadata) (*kgo.Record, error) {
	value, headers, err := set.EncodeRecord(data, m)
	if err != nil {
		return nil, err //nolint:wrapcheck // it names the message
	}
	return record(topic, m.Subject, value, headers), nil
}

func record(topic, key string, value []byte, headers goka.Headers) *kgo.Record {
	record := &kgo.Record{Topic: topic, Key: []byte(key), Value: value}
	for _, name := range slices.Sorted(maps.Keys(headers)) {
		record.Headers = append(record.Headers, kgo.RecordHeader{Key: name, Value: headers[name]})
	}
	return record
}
