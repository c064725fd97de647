package inventory

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"refold/kafka"
)

// TopicName returns the name of the topic of records.
func TopicName(prefix string) string { return prefix + "installation" }

// Options say which topics a Catalog is of.
type Options struct {
	Kafka kafka.Settings
	// Records is the topic of records; Topics are all others of the installation.
	Records kafka.TopicSpec
	Topics  []kafka.TopicSpec
	// Ephemeral are topics that hold nothing that is worth keeping. They are made when they are missing, and
	// have no records: nothing is lost with them.
	Ephemeral []kafka.TopicSpec
	// Create lets Settle make topics that have no record.
	Create bool
	// Version and By say in records which program wrote them, and for whom.
	Version, By string
	Metrics     *Metrics
	Logger      *slog.Logger
}

// Catalog is the list of the installation's topics. It is safe for concurrent use. Each method that takes a
// context asks the brokers, with a client of its own.
type Catalog struct {
	Options

	settling sync.Mutex // one at a time: Settle is called by every group that starts

	mu    sync.Mutex
	known known // as last read; nil: not yet
}

// NewCatalog returns a Catalog. It does not connect yet.
func NewCatalog(o Options) *Catalog {
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	return &Catalog{Options: o}
}

// Settle makes the topics that the installation never had, if it may, and records those that it did not
// know. Afterwards Check answers by what was read here. It returns how topics differ from what they should
// be, as kafka.Plan does, and a finding for each topic that is not the installation's, a *LostError or a
// *MissingError, in the order of Options.Topics. The error is a fault: it is tried again.
//
// A topic that the installation knows is never made.
func (c *Catalog) Settle(ctx context.Context) (
	differences []kafka.Difference, findings []error, err error,
) {
	c.settling.Lock()
	defer c.settling.Unlock()
	client, err := c.client()
	if err != nil {
		return nil, nil, err
	}
	defer client.Close()
	if c.Create {
		if _, err := kafka.Ensure(ctx, client, []kafka.TopicSpec{c.Records}); err != nil {
			return nil, nil, err
		}
	}
	if err := c.read(ctx); errors.Is(err, kafka.ErrTopicMissing) {
		return nil, nil, &MissingError{c.Records.Name}
	} else if err != nil {
		return nil, nil, err
	}
	if c.Create {
		if err := c.make(ctx, client); err != nil {
			return nil, nil, err
		}
		if len(c.Ephemeral) > 0 {
			if _, err := kafka.Ensure(ctx, client, c.Ephemeral); err != nil {
				return nil, nil, err
			}
		}
	}
	if err := c.record(ctx, client); err != nil {
		return nil, nil, err
	}
	if differences, err = kafka.Plan(ctx, client, c.planned()); err != nil {
		return nil, nil, err
	}
	findings, err = c.compare(ctx, client, c.names())
	return differences, findings, err
}

// Plan returns what Settle would, and changes nothing. Topics that the installation never knew are no
// findings: they are among the differences.
func (c *Catalog) Plan(ctx context.Context) (
	differences []kafka.Difference, findings []error, err error,
) {
	client, err := c.client()
	if err != nil {
		return nil, nil, err
	}
	defer client.Close()
	differences, err = kafka.Plan(ctx, client, append(c.planned(), c.Records))
	if err != nil {
		return nil, nil, err
	}
	if err := c.read(ctx); errors.Is(err, kafka.ErrTopicMissing) {
		return differences, nil, nil
	} else if err != nil {
		return nil, nil, err
	}
	all, err := c.compare(ctx, client, c.names())
	return differences, slices.DeleteFunc(all, func(found error) bool {
		return errors.As(found, new(*MissingError))
	}), err
}

// Check compares topics with what the installation knows of them. The error joins a *LostError for each
// that is not the same, and a *MissingError for each that there isn't; any other is a fault. It costs a
// request, and takes a second when a topic seems to be missing: brokers that start don't know all yet.
func (c *Catalog) Check(ctx context.Context, topics ...string) error {
	client, err := c.client()
	if err != nil {
		return err
	}
	defer client.Close()
	findings, err := c.compare(ctx, client, topics)
	return errors.Join(append(findings, err)...)
}

// Accept records that topics are the installation's as they are now: another one, or none, which Settle
// then makes. It returns the records that it wrote; a topic that is as it was known needs none.
func (c *Catalog) Accept(ctx context.Context, note string, topics ...string) ([]Record, error) {
	for _, topic := range topics {
		if !slices.Contains(c.names(), topic) {
			return nil, fmt.Errorf("the installation has no topic %s; it has %v", topic, c.names())
		}
	}
	client, err := c.client()
	if err != nil {
		return nil, err
	}
	defer client.Close()
	if err := c.read(ctx); err != nil {
		return nil, err
	}
	ids, err := c.present(ctx, client, topics)
	if err != nil {
		return nil, err
	}
	var records []Record
	for _, topic := range topics {
		if r := c.instead(topic, ids); r.ID != r.Instead {
			r.Note = note
			records = append(records, r)
		}
	}
	if err := c.write(ctx, client, records); err != nil {
		return nil, err
	}
	for _, r := range records {
		if is := c.of(r.Topic); is.ID != r.ID {
			return nil, fmt.Errorf("topic %s: somebody accepted another one at the same moment: %q; "+
				"look again", r.Topic, is.ID)
		}
	}
	return records, nil
}

// Known returns what the installation knows, by topic, as it was read last.
func (c *Catalog) Known() map[string]Record {
	c.mu.Lock()
	defer c.mu.Unlock()
	return maps.Clone(c.known)
}

// client returns a client that writes records to the partition that is read, the first, also when somebody
// made the topic with more of them.
func (c *Catalog) client() (*kgo.Client, error) {
	return c.Kafka.Client(kgo.RecordPartitioner(kgo.ManualPartitioner()))
}

func (c *Catalog) names() []string {
	names := make([]string, len(c.Topics))
	for i, spec := range c.Topics {
		names[i] = spec.Name
	}
	return names
}

func (c *Catalog) of(topic string) Record {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.known[topic]
}

// planned are the topics that should be as they are described.
func (c *Catalog) planned() []kafka.TopicSpec {
	return append(slices.Clip(c.Topics), c.Ephemeral...)
}

// read reads all records anew.
func (c *Catalog) read(ctx context.Context) error {
	opts, err := c.Kafka.Options()
	if err != nil {
		return err
	}
	read := make(known)
	at := kafka.Range{Topic: c.Records.Name, From: kafka.FromStart}
	_, err = kafka.ReadPartition(ctx, opts, at, func(records []*kgo.Record, _ kafka.Progress) error {
		for _, r := range records {
			if err := read.apply(r.Key, r.Value); err != nil && !errors.Is(err, errSuperseded) {
				c.Logger.Warn("a record is left out", "topic", r.Topic, "offset", r.Offset, "error", err)
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("read which topics the installation has: %w", err)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.known = read
	return nil
}

// make makes the topics that are missing and were never known.
func (c *Catalog) make(ctx context.Context, client *kgo.Client) error {
	ids, err := kafka.TopicIDs(ctx, client, c.names()...)
	if err != nil {
		return err
	}
	var missing []kafka.TopicSpec
	for _, spec := range c.Topics {
		if _, is := ids[spec.Name]; !is && c.of(spec.Name).ID == "" {
			missing = append(missing, spec)
		}
	}
	if len(missing) == 0 {
		return nil
	}
	_, err = kafka.Ensure(ctx, client, missing)
	return err
}

// record records the topics that are there and not known yet.
func (c *Catalog) record(ctx context.Context, client *kgo.Client) error {
	ids, err := kafka.TopicIDs(ctx, client, c.names()...)
	if err != nil {
		return err
	}
	var records []Record
	for _, topic := range c.names() {
		if r := c.instead(topic, ids); r.Instead == "" && r.ID != "" {
			records = append(records, r)
		}
	}
	if err := c.write(ctx, client, records); err != nil {
		return err
	}
	for _, r := range records {
		c.Logger.Info("the installation knows a topic from now on", "topic", r.Topic, "id", r.ID)
	}
	return nil
}

// instead is the record that says that the topic of this name is the one that is there.
func (c *Catalog) instead(topic string, ids map[string]kadm.TopicID) Record {
	return Record{
		Topic: topic, ID: text(ids[topic]), Instead: c.of(topic).ID,
		Time: time.Now().UTC().Truncate(time.Second), Version: c.Version, By: c.By,
	}
}

// write writes records, and reads what counts then.
func (c *Catalog) write(ctx context.Context, client *kgo.Client, all []Record) error {
	if len(all) == 0 {
		return nil
	}
	records := make([]*kgo.Record, len(all))
	for i, r := range all {
		value, err := json.Marshal(r)
		if err != nil {
			return fmt.Errorf("inventory: encode the record of %s: %w", r.Topic, err)
		}
		records[i] = &kgo.Record{Topic: c.Records.Name, Key: []byte(r.Topic), Value: value}
	}
	if err := client.ProduceSync(ctx, records...).FirstErr(); err != nil {
		return fmt.Errorf("record which topics the installation has, in %s: %w", c.Records.Name, err)
	}
	return c.read(ctx)
}

// compare finds topics that are not the installation's, and notes how many of all there are.
func (c *Catalog) compare(
	ctx context.Context, client *kgo.Client, topics []string,
) (findings []error, err error) {
	ids, err := c.present(ctx, client, topics)
	if err != nil {
		return nil, err
	}
	for _, topic := range topics {
		id, is := ids[topic]
		expected := c.of(topic)
		lost := expected.ID != "" && (!is || id != kadm.TopicID{} && text(id) != expected.ID)
		if lost {
			findings = append(findings, &LostError{Known: expected, Present: text(id)})
		} else if !is {
			findings = append(findings, &MissingError{topic})
		}
		c.Metrics.lost(topic, lost)
	}
	return findings, nil
}

const (
	// missingPatience is how long a topic may be unknown before it is taken for missing, and missingPause
	// the time between looks.
	missingPatience = time.Second
	missingPause    = 100 * time.Millisecond
)

// present returns the IDs of the topics that are there.
func (c *Catalog) present(
	ctx context.Context, client *kgo.Client, topics []string,
) (map[string]kadm.TopicID, error) {
	for end := time.Now().Add(missingPatience); ; {
		ids, err := kafka.TopicIDs(ctx, client, topics...)
		if err != nil || len(ids) == len(topics) || time.Now().After(end) {
			return ids, err
		}
		select {
		case <-time.After(missingPause):
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

// text is an ID as Kafka's tools print it; the zero ID is none.
func text(id kadm.TopicID) string {
	if id == (kadm.TopicID{}) {
		return ""
	}
	return base64.RawURLEncoding.EncodeToString(id[:])
}
