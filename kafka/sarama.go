package kafka

import (
	"context"
	"fmt"
	"net"
	"time"

	"github.com/IBM/sarama"
)

// saramaVersion is the protocol that Sarama speaks at most: it does not ask brokers. Newer brokers
// understand it; below 2.5 it would drop the group's generation from transactional offsets, and
// with it the fencing of a worker that lost its partitions (design §2, no. 14).
var saramaVersion = sarama.V3_6_0_0

// saramaFlushInterval is how long Sarama gathers records for a batch. Outside of transactions it
// sends commands of emitters, where latency counts. Never set Flush.Bytes or Flush.Messages beside
// a Flush.Frequency of zero: Sarama then waits for the bytes for ever (design §2, no. 14).
const saramaFlushInterval = 2 * time.Millisecond

// Sarama returns the configuration for Sarama and so for Goka's builders; it agrees with Options.
// Goka's own default must not be used: it skips waiting records, reads uncommitted ones and
// hashes keys in its own way (design §2, no. 6). It fails with Mistakes, or when a file can't be
// read. Each call returns a new value, which the caller may change.
func (s Settings) Sarama() (*sarama.Config, error) {
	if err := s.Validate(); err != nil {
		return nil, fmt.Errorf("kafka settings: %w", err)
	}
	s = s.WithDefaults()
	c := sarama.NewConfig()
	c.Version = saramaVersion
	c.ClientID = s.ClientID

	c.Net.DialTimeout = s.DialTimeout
	// One limit for all answers; that to joining a group comes when every member has joined.
	c.Net.ReadTimeout = s.RequestTimeout + s.RebalanceTimeout
	c.Net.WriteTimeout = s.RequestTimeout
	c.Net.MaxOpenRequests = 1 // Sarama's condition for idempotence
	c.Metadata.RefreshFrequency = MetadataMaxAge
	c.Metadata.AllowAutoTopicCreation = false // topics are made by Ensure, with what they need
	c.Admin.Timeout = s.RequestTimeout

	s.saramaConsumer(c)
	s.saramaProducer(c)

	if s.Dial != nil {
		c.Net.Proxy.Enable, c.Net.Proxy.Dialer = true, dialer{s}
	}
	if s.TLS.Enabled && s.Dial == nil {
		config, err := s.TLS.Config()
		if err != nil {
			return nil, fmt.Errorf("kafka settings: %w", err)
		}
		c.Net.TLS.Enable = true
		c.Net.TLS.Config = config
	}
	if s.SASL.Mechanism != "" {
		if err := s.saramaSASL(c); err != nil {
			return nil, fmt.Errorf("kafka settings: %w", err)
		}
	}
	if err := c.Validate(); err != nil {
		return nil, fmt.Errorf("kafka settings: %w", err)
	}
	return c, nil
}

func (s Settings) saramaConsumer(c *sarama.Config) {
	c.Consumer.IsolationLevel = sarama.ReadCommitted
	c.Consumer.Offsets.Initial = sarama.OffsetOldest
	c.Consumer.Return.Errors = true // Goka reads them; without, Sarama only logs
	c.Consumer.Group.Session.Timeout = s.SessionTimeout
	c.Consumer.Group.Heartbeat.Interval = s.HeartbeatInterval
	c.Consumer.Group.Rebalance.Timeout = s.RebalanceTimeout
}

func (s Settings) saramaProducer(c *sarama.Config) {
	c.Producer.RequiredAcks = sarama.WaitForAll
	c.Producer.Idempotent = true
	c.Producer.Timeout = s.RequestTimeout
	c.Producer.Transaction.Timeout = s.TransactionTimeout
	c.Producer.MaxMessageBytes = s.batchBytes("")
	c.Producer.Compression = sarama.CompressionSnappy
	c.Producer.Partitioner = sarama.NewCustomHashPartitioner(NewHasher)
	c.Producer.Flush.Frequency = saramaFlushInterval
	c.Producer.Return.Successes = true // Goka's promises need both
	c.Producer.Return.Errors = true
}

// dialer is Settings.Dial in the form that Sarama asks for.
type dialer struct{ of Settings }

// Dial makes a connection.
func (d dialer) Dial(network, address string) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(context.Background(), d.of.DialTimeout)
	defer cancel()
	return d.of.Dial(ctx, network, address)
}
