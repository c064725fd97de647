package kafka

import (
	"fmt"

	"github.com/twmb/franz-go/pkg/kgo"
)

// maxDecompressedBytes limits the size of a batch of records in memory: 256 times 1 MiB, Kafka's default
// limit of a compressed batch. No ordinary data is compressed as much. A larger batch could end the process
// for lack of memory, so it ends the reading of its partition, with an error. franz-go's default is 1 GiB for
// each of several at the same time.
const maxDecompressedBytes = 256 << 20

// Client returns a new client with the options of Options and more. It connects when it is used.
func (s Settings) Client(more ...kgo.Opt) (*kgo.Client, error) {
	opts, err := s.Options()
	if err != nil {
		return nil, err
	}
	client, err := kgo.NewClient(append(opts, more...)...)
	if err != nil {
		return nil, fmt.Errorf("make a Kafka client: %w", err)
	}
	return client, nil
}

// Options returns the options of franz-go clients, of any number at the same time: read committed,
// from the oldest record where nothing else is known, acks from all replicas in sync, idempotent,
// murmur2. Options that the caller appends win over these. It fails with Mistakes, or when a file
// can't be read.
func (s Settings) Options() ([]kgo.Opt, error) {
	if err := s.Validate(); err != nil {
		return nil, fmt.Errorf("kafka settings: %w", err)
	}
	s = s.WithDefaults()
	// Not kgo.ProducerBatchCompression: each client writes to the slice that the option holds, and several
	// clients are made from the same options at the same time (one for each partition that is read).
	compressor, err := kgo.DefaultCompressor(kgo.SnappyCompression())
	if err != nil {
		return nil, fmt.Errorf("kafka settings: %w", err)
	}
	opts := []kgo.Opt{
		kgo.SeedBrokers(s.Brokers...),
		kgo.ClientID(s.ClientID),
		kgo.DialTimeout(s.DialTimeout),
		kgo.RequestTimeoutOverhead(s.RequestTimeout),
		kgo.ProduceRequestTimeout(s.RequestTimeout),
		kgo.MetadataMaxAge(MetadataMaxAge),
		kgo.SessionTimeout(s.SessionTimeout),
		kgo.HeartbeatInterval(s.HeartbeatInterval),
		kgo.RebalanceTimeout(s.RebalanceTimeout),
		kgo.TransactionTimeout(s.TransactionTimeout),
		kgo.FetchIsolationLevel(kgo.ReadCommitted()),
		kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()),
		kgo.MaxDecompressBatchBytes(maxDecompressedBytes),
		kgo.RequiredAcks(kgo.AllISRAcks()),
		kgo.ProducerBatchMaxBytesFn(func(topic string) int32 { return int32(s.batchBytes(topic)) }),
		kgo.WithCompressor(compressor),
		kgo.RecordPartitioner(Partitioner()),
	}
	switch {
	case s.Dial != nil:
		opts = append(opts, kgo.Dialer(s.Dial))
	case s.TLS.Enabled:
		config, err := s.TLS.Config()
		if err != nil {
			return nil, fmt.Errorf("kafka settings: %w", err)
		}
		opts = append(opts, kgo.DialTLSConfig(config))
	}
	if s.SASL.Mechanism != "" {
		mechanism, err := s.franzSASL()
		if err != nil {
			return nil, fmt.Errorf("kafka settings: %w", err)
		}
		opts = append(opts, kgo.SASL(mechanism))
	}
	if s.Logger != nil {
		opts = append(opts, kgo.WithLogger(FranzLogger(s.Logger)))
	}
	return opts, nil
}
