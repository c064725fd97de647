package bench

import (
	"context"
	"encoding/base64"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"strconv"
	"strings"

	"github.com/lovoo/goka"
	"github.com/lovoo/goka/codec"
	"github.com/twmb/franz-go/pkg/kgo"

	"refold/exactlyonce"
	"refold/kafka"
)

// engine is the bare engine on strings: read a number, add one, write it, emit it.
type engine struct {
	prefix string
	keys   Keys
	filler string
}

// Engine returns the subject that [RunEngine] handles. Each value has some bytes of its own, and so many
// more, which are no easier to compress than those of base64.
func Engine(prefix string, keys Keys, more int) Subject { return engine{prefix, keys, filler(more)} }

// filler returns so many bytes, the same each time.
func filler(n int) string {
	r := rand.New(rand.NewPCG(1, uint64(n)))
	raw := make([]byte, n)
	for i := range raw {
		raw[i] = byte(r.Uint32())
	}
	return base64.RawStdEncoding.EncodeToString(raw)[:n]
}

const (
	engineInput  = "input"
	engineOutput = "output"
	engineGroup  = "count"
)

// EngineTopics returns the topics that [RunEngine] needs.
func EngineTopics(prefix string, partitions int) []kafka.TopicSpec {
	var specs []kafka.TopicSpec
	for name, policy := range map[string]string{
		engineInput: "delete", engineOutput: "delete", engineGroup + "-table": "compact",
	} {
		specs = append(specs, kafka.TopicSpec{
			Name: prefix + name, Partitions: int32(partitions),
			ReplicationFactor: 1, Config: map[string]string{"cleanup.policy": policy},
		})
	}
	return specs
}

// Results is the topic that the engine emits to.
func (s engine) Results() string { return s.prefix + engineOutput }

// Command makes the i-th record.
func (s engine) Command(i int) (*kgo.Record, error) {
	return &kgo.Record{
		Topic: s.prefix + engineInput, Key: []byte("key-" + strconv.Itoa(s.keys.of(i))),
		Value: append(append(strconv.AppendInt(nil, int64(i), 10), ' '), s.filler...),
	}, nil
}

// Index returns the record that a result is of.
func (engine) Index(result *kgo.Record) (int, bool) {
	_, value, _ := strings.Cut(string(result.Value), ":")
	index, _, found := strings.Cut(value, " ")
	i, err := strconv.Atoi(index)
	return i, found && err == nil
}

// RunEngine runs the bare engine until ctx ends. It is the process that is measured.
func RunEngine(ctx context.Context, s kafka.Settings, prefix string, logger *slog.Logger) error {
	p, err := exactlyonce.New(exactlyonce.Config{Kafka: s, Logger: logger}, countGraph(prefix))
	if err != nil {
		return err //nolint:wrapcheck // it names the setting
	}
	return p.Run(ctx) //nolint:wrapcheck // it says what it was doing
}

// countGraph counts the records of each key.
func countGraph(prefix string) *goka.GroupGraph {
	output := goka.Stream(prefix + engineOutput)
	return goka.DefineGroup(goka.Group(prefix+engineGroup),
		goka.Input(goka.Stream(prefix+engineInput), new(codec.String),
			func(ctx goka.Context, msg any) {
				count, _ := ctx.Value().(int64)
				count++
				ctx.SetValue(count)
				ctx.Emit(output, ctx.Key(), fmt.Sprintf("%d:%s", count, msg))
			}),
		goka.Output(output, new(codec.String)),
		goka.Persist(new(codec.Int64)))
}
