package program

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/lovoo/goka"
	"github.com/lovoo/goka/codec"
	"github.com/spf13/cobra"
	"github.com/twmb/franz-go/pkg/kgo"

	"refold/codecs"
	"refold/config"
	"refold/eventsourcing"
	"refold/exactlyonce"
	"refold/kafka"
	"refold/logging"
	"refold/processors"
	"refold/processors/accounts"
)

func (r *benchRun) openSubject(ctx context.Context) (err error) {
	if r.engine {
		r.subject = engineSubject{r}
		return nil
	}
	r.subject, err = r.openAccounts(ctx)
	return err
}

func (r *benchRun) openAccounts(ctx context.Context) (s *accountsSubject, err error) {
	s = &accountsSubject{run: r}
	s.registry, err = codecs.NewRegistry(codecs.RegistrySettings{
		URLs: r.benchOptions.registry, Mode: codecs.Register,
	})
	if err != nil {
		return nil, err
	}
	if s.codecs, err = accounts.Definition.Open(s.registry); err == nil {
		err = s.codecs.Prepare(ctx)
	}
	if err != nil {
		s.close()
		return nil, err
	}
	return s, nil
}

// accountsSubject is the accounts worker: Avro, headers, results and all. Each account is opened,
// and then deposited to.
type accountsSubject struct {
	run      *benchRun
	registry *codecs.Registry
	codecs   *processors.OpenAggregate
}

func (s *accountsSubject) close() { s.registry.Close() }

func (s *accountsSubject) results() string { return accounts.Definition.Topics(s.run.prefix).Results }

func (s *accountsSubject) command(i int) (*kgo.Record, error) {
	key := "account-" + strconv.Itoa(i%s.run.keys)
	if i < s.run.keys {
		return s.send(i, key, accounts.OpenAccount{Owner: "Bench", Currency: "EUR"})
	}
	return s.send(i, key, accounts.DepositMoney{Amount: 1, Currency: "EUR"})
}

// send makes the i-th command.
func (s *accountsSubject) send(i int, key string, command accounts.Command) (*kgo.Record, error) {
	value, err := s.codecs.Commands.Encode(command)
	if err != nil {
		return nil, err
	}
	return recordOf(accounts.Definition.Topics(s.run.prefix).Commands, key, value, eventsourcing.Metadata{
		ID: commandID(i), Source: "bench", Subject: key,
		Type: eventsourcing.TypeName(command), Time: time.Now(),
	}), nil
}

func (s *accountsSubject) index(result *kgo.Record) (int, bool) {
	for _, h := range result.Headers {
		if h.Key == codecs.HeaderCausationID {
			i, err := strconv.Atoi(strings.TrimPrefix(string(h.Value), commandPrefix))
			return i, err == nil
		}
	}
	return 0, false
}

func (s *accountsSubject) worker(r *benchRun) []string {
	return []string{
		"run", "--kafka.brokers", strings.Join(r.brokers, ","),
		"--registry.urls", strings.Join(r.registry, ","), "--registry.mode", "register",
		"--topics.prefix", r.prefix, "--topics.create=false",
		"--http.address", "127.0.0.1:0", "--views.enabled=" + strconv.FormatBool(r.views),
		"--store.directory", filepath.Join(r.directory, "stores"), "--log.level", "warn",
	}
}

// engineSubject is the bare engine on strings: read a number, add one, write it, emit it.
type engineSubject struct{ run *benchRun }

const (
	engineInput  = "input"
	engineOutput = "output"
	engineGroup  = "count"
)

func engineTopics(c config.Topics) []kafka.TopicSpec {
	var specs []kafka.TopicSpec
	for name, policy := range map[string]string{
		engineInput: "delete", engineOutput: "delete", engineGroup + "-table": "compact",
	} {
		specs = append(specs, kafka.TopicSpec{
			Name: c.Prefix + name, Partitions: int32(c.Partitions),
			ReplicationFactor: 1, Config: map[string]string{"cleanup.policy": policy},
		})
	}
	return specs
}

func (engineSubject) close() {}

func (s engineSubject) results() string { return s.run.prefix + engineOutput }

func (s engineSubject) command(i int) (*kgo.Record, error) {
	return &kgo.Record{
		Topic: s.run.prefix + engineInput, Key: []byte("key-" + strconv.Itoa(i%s.run.keys)),
		Value: strconv.AppendInt(nil, int64(i), 10),
	}, nil
}

func (engineSubject) index(result *kgo.Record) (int, bool) {
	_, index, found := strings.Cut(string(result.Value), ":")
	i, err := strconv.Atoi(index)
	return i, found && err == nil
}

func (engineSubject) worker(r *benchRun) []string {
	return []string{"bench", "engine", "--brokers", strings.Join(r.brokers, ","), "--prefix", r.prefix}
}

// newBenchEngine is the process that bench --engine measures.
func newBenchEngine() *cobra.Command {
	var (
		brokers         []string
		prefix, profile string
	)
	cmd := &cobra.Command{
		Use: "engine", Hidden: true, Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			stop, err := startProfile(profile)
			if err != nil {
				return err
			}
			defer stop()
			logger := logging.New(os.Stderr, config.Log{Level: "warn", Clients: "warn", Format: "text"})
			p, err := exactlyonce.New(exactlyonce.Config{
				Kafka: kafka.Settings{Brokers: brokers}, Logger: logger,
			}, countGraph(prefix))
			if err != nil {
				return err
			}
			return p.Run(cmd.Context())
		},
	}
	cmd.Flags().StringSliceVar(&brokers, "brokers", nil, "")
	cmd.Flags().StringVar(&prefix, "prefix", "", "")
	cmd.Flags().StringVar(&profile, "cpuprofile", "", "")
	return cmd
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
