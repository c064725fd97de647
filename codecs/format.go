package codecs

import (
	"github.com/twmb/avro"

	"refold/codecs/avrojson"
	"refold/codecs/avrotype"
	"refold/codecs/jsonschema"
	"refold/codecs/jsonvalue"
	"refold/codecs/protobuf"
)

// Format is a way to write records and to describe them, by the name that schema registries have for it.
type Format string

// The formats. The zero Format is Avro.
const (
	Avro       Format = "AVRO"
	Protobuf   Format = "PROTOBUF"
	JSONSchema Format = "JSON"
)

// notation is what a schema says, in its format. All that differs between formats is behind it; the rest of
// the package knows none of them. It never changes and is safe for concurrent use.
//
// Data is what follows the magic byte and the schema ID. Of Protobuf it begins with the message indexes.
type notation interface {
	// fullName is that of the record; aliases are full names that it had before.
	fullName() string
	aliases() []string
	// revision is StructOptions.Revision; 0 if there is none.
	revision() int64
	// references are the schemas that have to be registered before this one, in which they are named.
	references() []needed
	// toJSON returns data as JSON of at most limit bytes. The error wraps ErrTooLarge, or says where the
	// data is wrong.
	toJSON(data []byte, limit int) ([]byte, error)
	// fromJSON returns the data of JSON, or everything that is wrong with it. The error is not the JSON's
	// fault.
	fromJSON(text jsonvalue.Text, limits avrojson.Limits) ([]byte, []avrojson.Mistake, error)
	// describe returns the JSON Schema of what fromJSON takes: see avrojson.Describe.
	describe(named func(fullName string, schema *avrojson.Schema) (ref string)) *avrojson.Schema
	// sample returns the data of a small value, the same every time.
	sample() ([]byte, error)
	// same reports whether another schema of any format has the same fields.
	same(other notation) bool
	// read returns how data of a schema, of any format, is read as a value of this one. The error says why
	// it can't be.
	read(written notation) (*reading, error)
	// of returns the notation of data: a file of Protobuf has several messages. named is of by the record's
	// name; nil if there is none.
	of(data []byte) (notation, error)
	named(fullName string) notation
}

// reading is how the data of one schema is read as a Go value. Each format uses what it needs.
type reading struct {
	avro *avro.Schema // the writer's resolved to ours; ours if they are the same
	// growth is checked before bytes are decoded. As a rule it is nil: they can't grow.
	growth *avrotype.Growth
	json   []jsonCheck // what JSON must pass before it is decoded
	// protobuf is the message as ours has it.
	protobuf *protobuf.Type
	indexes  []byte // of the message, as they stand in front of the data
	limits   Limits
}

// needed is a schema that another one refers to by name, with those that it refers to in turn.
type needed struct {
	name, text string
	needs      []needed
}

// texts collects the texts of schemas that are needed, by name.
func texts(all []needed, into map[string]string) map[string]string {
	for _, n := range all {
		into[n.name] = n.text
		texts(n.needs, into)
	}
	return into
}

// jsonCheck is a schema that JSON must fit.
type jsonCheck struct {
	schema *jsonschema.Schema
	use    jsonschema.Use
}

// with returns the reading within limits.
func (r *reading) with(limits Limits) reading {
	limited := *r
	limited.limits = limits
	return limited
}

// mismatch is the error of a record whose writer used another format.
func mismatch(ours, written Format) error {
	return errFormat{ours, written}
}

type errFormat struct{ ours, written Format }

func (e errFormat) Error() string {
	return "it is of the format " + string(e.written) + "; ours is " + string(e.ours)
}
