package inspect

import (
	"encoding/json"
	"time"

	"refold/codecs"
)

// Format says how a value or a key is shown.
type Format string

// The formats.
const (
	// FormatWire is the Confluent wire format: the value is shown as JSON, by the registry's schema.
	FormatWire Format = "wire"
	// FormatJSON is a value that is JSON itself.
	FormatJSON Format = "json"
	// FormatText is UTF-8 without control characters other than tabs and line breaks.
	FormatText Format = "text"
	// FormatBase64 is anything else.
	FormatBase64 Format = "base64"
	// FormatNone is a record without a value, which deletes its key in a compacted topic; or without a key.
	FormatNone Format = "none"
)

// Record is a record as it is shown. Its JSON is a contract: members are added, and never changed.
type Record struct {
	Topic     string `json:"topic"`
	Partition int32  `json:"partition"`
	Offset    int64  `json:"offset"`
	// Timestamp is in milliseconds; a record must not have times before 1970 or after 2261, which become the
	// nearest that it may have.
	Timestamp time.Time `json:"timestamp"`
	// TimestampType is "create" if the producer has set the timestamp, "append" if the broker has, and
	// "none" for records of old clients, which have none.
	TimestampType string `json:"timestampType"`

	Key       *string `json:"key"` // null: the record has none
	KeyFormat Format  `json:"keyFormat"`

	// Type is that of the header ce_type, or else the bare name of the record in the wire format.
	Type    string   `json:"type,omitempty"`
	Headers []Header `json:"headers"`

	Format Format `json:"format"`
	// SchemaID, or SchemaGUID if the record has a GUID instead, and SchemaName are of the wire format.
	SchemaID   int    `json:"schemaId,omitempty"`
	SchemaGUID string `json:"schemaGuid,omitempty"`
	SchemaName string `json:"schemaName,omitempty"`
	// SchemaIn says where the schema ID stands: before the data (InPrefix) or in a header (InHeader).
	SchemaIn codecs.SchemaIDPlace `json:"schemaIn,omitempty"`
	// Undecodable is why a value that looks like the wire format is not shown as that.
	Undecodable string `json:"undecodable,omitempty"`
	// Transaction is "aborted" or "undecided" for a record that readers of committed records don't get.
	Transaction string `json:"transaction,omitempty"`
	// Bytes is the length of the value as it is stored.
	Bytes int `json:"bytes"`
	// Value is JSON of any kind with FormatWire and FormatJSON, null with FormatNone, otherwise a string.
	Value json.RawMessage `json:"value"`

	raw      []byte // the value
	framed   []byte // the value with its schema ID in front
	inHeader bool   // the schema ID stands in a header
}

// Header is a header of a record.
type Header struct {
	Name string `json:"name"`
	// Value is nil if it is not text; then ValueBase64 has it.
	Value       *string `json:"value,omitempty"`
	ValueBase64 *string `json:"valueBase64,omitempty"`
}

// The values of Record.Transaction.
const (
	aborted   = "aborted"
	undecided = "undecided"
)
