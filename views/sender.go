package views

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/IBM/sarama"

	"refold/eventsourcing"
	"refold/kafka"
)

// maxSending is how many messages Sarama's input takes without blocking the sender.
const maxSending = 256

// sender puts commands into topics: acknowledged by all replicas, idempotent, each at once.
type sender struct {
	settings kafka.Settings
	limits   Limits
	off      bool
	metrics  *Metrics
	logger   *slog.Logger
	slots    chan struct{} // one is taken by each message that Sarama has

	mu       sync.RWMutex         // held (shared) while a message is handed to the producer
	producer sarama.AsyncProducer // nil while there is none
}

func newSender(o *Options) *sender {
	return &sender{
		settings: o.Kafka, limits: o.Limits, off: o.Off, metrics: o.Metrics,
		logger: o.Logger.With("component", "command-sender"),
		slots:  make(chan struct{}, o.Limits.Sending),
	}
}

// Send puts a command into the aggregate's commands topic and returns when all replicas have it.
// If the error is ErrNotSent, it is certainly not there; after any other error, ctx's among them,
// it may be, and sending it again under the same ID is safe (G1).
func (a *Aggregate) Send(ctx context.Context, command eventsourcing.Envelope[any]) error {
	if err := a.sender.ready(); err != nil {
		// At once: without a connection the schemas may not be known either, and encoding would
		// wait for the registry.
		a.sender.metrics.sent(a.description.Name, ErrNotSent)
		return fmt.Errorf("%w: %w", ErrNotSent, err)
	}
	value, headers, err := a.description.Commands.EncodeRecord(command.Data, command.Metadata)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrNotSent, err)
	}
	command.Type = cmp.Or(a.description.Commands.WrittenType(command.Data), command.Type)
	err = a.sender.send(ctx, &sarama.ProducerMessage{
		Topic:     a.description.Topics.Commands,
		Key:       sarama.StringEncoder(command.Subject),
		Value:     sarama.ByteEncoder(value),
		Headers:   headers.ToSarama(),
		Timestamp: command.Time,
	})
	a.sender.metrics.sent(a.description.Name, err)
	if err != nil {
		return fmt.Errorf("send command %q: %w", command.ID, err)
	}
	return nil
}

func (s *sender) send(ctx context.Context, message *sarama.ProducerMessage) error {
	select {
	case s.slots <- struct{}{}:
	case <-ctx.Done():
		return fmt.Errorf("%w: too many commands wait for the broker: %w",
			ErrNotSent, context.Cause(ctx))
	}
	done := make(chan error, 1)
	message.Metadata = done
	if !s.handOver(message) {
		<-s.slots
		return fmt.Errorf("%w: %w", ErrNotSent, s.ready())
	}
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
		return fmt.Errorf("no acknowledgement yet: %w", context.Cause(ctx))
	}
}

// handOver gives a message to the producer, if there is one. It doesn't block: the producer's input
// has room for as many messages as there are slots.
func (s *sender) handOver(message *sarama.ProducerMessage) bool {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if s.producer == nil {
		return false
	}
	s.producer.Input() <- message
	return true
}

// ready returns nil if commands can be sent.
func (s *sender) ready() error {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if s.off {
		return ErrOff
	}
	if s.producer == nil {
		return notReady("sender of commands: no connection to Kafka yet")
	}
	return nil
}

// run connects, trying again until it works, and closes the producer when ctx ends. The producer
// itself lives through broker failures.
func (s *sender) run(ctx context.Context) {
	producer := s.connect(ctx)
	if producer == nil {
		return
	}
	var answers sync.WaitGroup
	answers.Go(func() {
		for message := range producer.Successes() {
			s.answer(message, nil)
		}
	})
	answers.Go(func() {
		for failed := range producer.Errors() {
			s.answer(failed.Msg, failed.Err)
		}
	})
	s.setProducer(producer)
	<-ctx.Done()
	s.setProducer(nil)
	producer.AsyncClose() // finishes what it has, and then ends the answers
	stopped := make(chan struct{})
	go func() {
		answers.Wait()
		close(stopped)
	}()
	select {
	case <-stopped:
	case <-time.After(s.limits.Stop):
		s.logger.WarnContext(ctx, "commands are still being sent while the process stops")
	}
}

// connect returns a producer, or nil when ctx ends first.
func (s *sender) connect(ctx context.Context) sarama.AsyncProducer {
	pause := s.limits.RestartPauseMin
	faults := kafka.NewFaultLog(s.logger)
	const connecting = "connecting the sender of commands"
	for {
		producer, err := s.newProducer(ctx)
		if err == nil {
			faults.Ended(connecting)
			return producer
		}
		if ctx.Err() != nil {
			return nil
		}
		faults.Failed(slog.LevelError, connecting, err)
		select {
		case <-time.After(pause):
		case <-ctx.Done():
			return nil
		}
		pause = min(2*pause, s.limits.RestartPauseMax)
	}
}

func (s *sender) newProducer(ctx context.Context) (sarama.AsyncProducer, error) {
	config, err := s.settings.Sarama()
	if err != nil {
		return nil, fmt.Errorf("configure Sarama: %w", err)
	}
	config.Producer.Flush.Frequency = 0 // a lone command goes out at once
	config.ChannelBufferSize = maxSending
	producer, err := abandonable(ctx, func() (sarama.AsyncProducer, error) {
		return sarama.NewAsyncProducer(s.settings.Brokers, config)
	})
	if err != nil {
		return nil, fmt.Errorf("connect to Kafka: %w", err)
	}
	return producer, nil
}

func (s *sender) setProducer(p sarama.AsyncProducer) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.producer = p
}

// answer tells the sender of a message what became of it. The sender may have given up.
func (s *sender) answer(message *sarama.ProducerMessage, err error) {
	if done, is := message.Metadata.(chan error); is {
		if errors.Is(err, sarama.ErrMessageSizeTooLarge) {
			err = fmt.Errorf("%w: %w", ErrNotSent, err)
		}
		done <- err
		<-s.slots
	}
}
