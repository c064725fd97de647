// Package reader reads the events of an aggregate in another service. The service declares structs for the
// events that it is interested in, with the fields that it needs, and is given these, in the order of each
// aggregate, at least once:
//
//	type CarLeft struct {
//		AccountID string `avro:"accountId"`
//		Fee       int64  `avro:"fee"`
//	}
//
//	r, err := reader.New(reader.Options{
//		Kafka: kafka.Settings{Brokers: brokers}, Registry: codecs.RegistrySettings{URLs: urls},
//		Topic: "garage-events", Group: "invoices", Namespace: "garages",
//	}, reader.Type[CarLeft]())
//	err = r.Run(ctx, func(ctx context.Context, e eventsourcing.Envelope[any]) error {
//		left := e.Data.(CarLeft)
//		…
//	})
//
// Events of other types are skipped: an aggregate may get new ones without its readers knowing. Fields that
// the service does not declare are left out; a field that was added to the event later needs a default in the
// struct's tag (`avro:"fee,default=0"`), since old events lack it.
//
// Only committed events are read. The reader is a Kafka consumer group: several instances share the
// partitions. Offsets are committed after the events were handled, so that a crash repeats some. Envelope.ID
// is the same each time.
package reader
