package orders

import (
	"context"
	"embed"
	"fmt"

	"refold/codecs"
	"refold/eventsourcing"
	"refold/processors"
)

//go:embed schemas/*.avsc
var schemas embed.FS

// Schema returns the Avro schema of a record type of this package, such as "PlaceOrder". It
// panics if there is none: the files are part of the program.
func Schema(name string) string {
	text, err := schemas.ReadFile("schemas/" + name + ".avsc")
	if err != nil {
		panic(fmt.Sprintf("orders: no schema of %s: %v", name, err))
	}
	return string(text)
}

// OrderRow is a row of the table as it is encoded.
type OrderRow struct {
	Order    `avro:",inline"`
	Sequence int64  `avro:"sequence"`
	Recent   []byte `avro:"recent"`
}

// Codecs are the record types of the orders' topics.
type Codecs struct{ Commands, Events, Rows *codecs.Set }

// NewCodecs returns the codecs; their Prepare is still to be called.
func NewCodecs(registry *codecs.Registry) (c Codecs, err error) {
	c.Commands, err = codecs.NewSet(registry,
		record[PlaceOrder](), record[ShipOrder](), record[DeliverOrder](), record[CancelOrder](),
		record[RecordPayment](), record[RecordPaymentDeclined](),
		record[RecordRefund](), record[RecordRefundDeclined]())
	if err != nil {
		return Codecs{}, fmt.Errorf("commands of orders: %w", err)
	}
	c.Events, err = codecs.NewSet(registry, eventTypes()...)
	if err != nil {
		return Codecs{}, fmt.Errorf("events of orders: %w", err)
	}
	c.Rows, err = codecs.NewSet(registry, record[OrderRow]())
	if err != nil {
		return Codecs{}, fmt.Errorf("rows of orders: %w", err)
	}
	return c, nil
}

func eventTypes() []codecs.Type {
	return []codecs.Type{
		record[OrderPlaced](), record[PaymentProcessed](), record[PaymentDeclined](),
		record[OrderShipped](), record[OrderDelivered](), record[OrderCancelled](),
		record[RefundRequested](), record[PaymentRefunded](), record[RefundDeclined](),
		record[SurplusReceived](), record[SurplusRefunded](), record[SurplusRefundDeclined](),
	}
}

// OfProcess are the commands that only the payment process sends.
func OfProcess() []string {
	return []string{
		"RecordPayment", "RecordPaymentDeclined", "RecordRefund", "RecordRefundDeclined",
	}
}

func record[T any]() codecs.Type {
	var zero T
	return codecs.Record[T](Schema(eventsourcing.TypeName(zero)))
}

// Prepare gets the IDs of all schemas from the registry, so that nothing waits for it later.
func (c Codecs) Prepare(ctx context.Context) error {
	for _, set := range []*codecs.Set{c.Commands, c.Events, c.Rows} {
		if err := set.Prepare(ctx); err != nil {
			return fmt.Errorf("schemas of orders: %w", err)
		}
	}
	return nil
}

// Table returns the codec of the group table.
func (c Codecs) Table() processors.TableCodec[Order, OrderRow] {
	return processors.TableCodec[Order, OrderRow]{
		Rows: c.Rows,
		ToRow: func(o Order, sequence int64, recent []byte) OrderRow {
			return OrderRow{o, sequence, recent}
		},
		FromRow: func(r OrderRow) (Order, int64, []byte) { return r.Order, r.Sequence, r.Recent },
	}
}

// NewFold returns the fold of orders, by which a table is made again from its events.
func NewFold(c Codecs) *processors.Fold[Order, Event] {
	return processors.NewFold(Decider, c.Events, c.Table())
}

// NewPaymentInputs returns the codec of what the payment process reads: events of orders, and
// results. Its Prepare is still to be called.
func NewPaymentInputs(registry *codecs.Registry) (*codecs.Set, error) {
	set, err := codecs.NewSet(registry, append(eventTypes(), processors.ResultType())...)
	if err != nil {
		return nil, fmt.Errorf("inputs of %s: %w", PaymentsName, err)
	}
	return set, nil
}
