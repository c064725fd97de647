package kafka

import (
	"errors"

	"github.com/twmb/franz-go/pkg/kgo"
)

// Records is how a callback of a Goka graph takes several records at once, as they came: the records that one
// poll brought of a partition, in their order. Package exactlyonce gives a callback Records, as its
// goka.Context, if the codec of its input is [RecordsCodec]. Otherwise Goka calls the callback for each
// record, and makes some twenty pieces of memory and changes the goroutine twice each time.
//
// The callback handles all of them, one after the other. It must not use Records after it has returned.
//
//	func handle(ctx goka.Context, _ any) {
//		records := ctx.(kafka.Records)
//		for records.Next() {
//			r := records.Record()
//			records.SetRow(append(records.Row(), r.Value...))
//		}
//	}
type Records interface {
	// Next goes to the next record, at first to the first, and reports whether there is one. There is none
	// any more when the partition is taken away: then the callback returns, and another worker handles the
	// records that are left.
	Next() bool
	// Record returns the record. Its memory is its own: the callback may keep what it refers to, and must not
	// change it.
	Record() *kgo.Record
	// Row returns the row of the record's key in the group table; nil if there is none. It must not be
	// changed. Until somebody writes the row, the same memory is returned as a rule.
	Row() []byte
	// SetRow writes the row of the record's key; nil deletes it. The row must not be changed any more.
	SetRow(row []byte)
	// Send writes a record to an output of the graph. A nil key is kept. Nothing of the arguments is kept.
	Send(topic string, key []byte, headers []kgo.RecordHeader, value []byte)
	// Fail ends the processor, as goka.Context has it: it panics, unless the processor is ending already.
	// The transaction with all that the callback has done is aborted. The other methods fail likewise.
	Fail(err error)
}

// RecordsCodec is the codec of the inputs and outputs of a graph whose callbacks take [Records]. Nothing is
// encoded or decoded for Goka.
type RecordsCodec struct{}

var errRecords = errors.New("the topic is read and written by kafka.Records")

// Encode fails: records are written by Records.Send.
func (RecordsCodec) Encode(any) ([]byte, error) { return nil, errRecords }

// Decode returns nil: records are read by Records.Record.
func (RecordsCodec) Decode([]byte) (any, error) { return nil, nil } //nolint:nilnil // there is nothing to say
