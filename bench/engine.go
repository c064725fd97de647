package bench

import (
	"context"
	"fmt"
	"log/slog"
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
	keys   int
}

// Engine returns the subject that [RunEngine] handles: so many keys, by turns.
func Engine(prefix string, keys int) Subject { return engine{prefix, keys} }

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
		Topic: s.prefix + engineInput, Key: []byte("key-" + strconv.Itoa(i%s.keys)),
		Value: strconv.AppendInt(nil, int64(i), 10),
	}, nil
}

// Index returns the record that a result is of.
func (engine) Index(result *kgo.Record) (int, bool) {
	_, index, found := strings.Cut(string(result.Value), ":")
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
