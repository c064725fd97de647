package compat

import "fmt"

// Direction says which program reads what the other one writes.
type Direction string

const (
	// Backward says that the new program reads old records.
	Backward Direction = "backward"
	// Forward says that an old program reads new records, during a rolling upgrade or after a step back.
	Forward Direction = "forward"
)

// Kind names a break for programs. The names are stable.
type Kind string

// The kinds of breaks.
const (
	KindType     Kind = "type"            // the types differ, and neither is promoted to the other
	KindName     Kind = "name"            // a record, enum or fixed type has another name, and no alias
	KindDefault  Kind = "missing-default" // a field that the writer lacks has no default
	KindClash    Kind = "alias-clash"     // two fields of the writer are one of the reader
	KindSymbol   Kind = "enum-symbol"     // an enum lacks a symbol, and has no default
	KindSize     Kind = "fixed-size"      // a fixed type has another size
	KindUnion    Kind = "union-branch"    // a union has no branch for what may be written
	KindDecimal  Kind = "decimal"         // decimals differ in precision or scale
	KindLogical  Kind = "logical-type"    // the logical type gives the same bytes another meaning
	KindUnusable Kind = "unusable-schema" // a schema of the history can't be parsed
	KindFormat   Kind = "format"          // a schema of the history is of another format
)

// The kinds of breaks of Protobuf schemas, beside [KindType] and [KindSymbol].
const (
	KindNumber       Kind = "field-number"    // a field has another number, or another one has its number
	KindNarrowed     Kind = "narrowed"        // the bytes are read, and large values are cut
	KindCardinality  Kind = "cardinality"     // a single value becomes a list or a map, or back
	KindRequired     Kind = "required"        // a required field or property may be missing
	KindOneof        Kind = "oneof"           // fields that may both be set exclude each other
	KindNotReserved  Kind = "not-reserved"    // what is removed may be used again for something else
	KindReused       Kind = "reserved"        // a reserved number or name is used again
	KindSymbolNumber Kind = "enum-number"     // a name of an enum has another number
	KindJSONName     Kind = "json-name"       // a field has another name in JSON
	KindMessage      Kind = "message-missing" // a message is there no more
	KindIndex        Kind = "message-index"   // a message has another place in the file
	KindPackage      Kind = "package"         // the package has another name
)

// The kinds of breaks of JSON Schemas, beside [KindType], [KindSymbol] and [KindRequired].
const (
	KindContent  Kind = "content-model" // an object allows fewer properties than were allowed
	KindProperty Kind = "property"      // a property has a schema where anything was allowed
	KindBounds   Kind = "bounds"        // a limit of a value, a length or a count is tighter
	KindPattern  Kind = "pattern"       // a text must match a pattern that it need not match before
	KindCombined Kind = "combined"      // none of anyOf, or not exactly one of oneOf, fits; or a "not" does
	KindKeyword  Kind = "keyword"       // a keyword that is not compared differs
)

// Encoding says which form of a record a finding is about.
type Encoding string

// The encodings.
const (
	Binary        Encoding = "binary"
	JSON          Encoding = "json"
	BinaryAndJSON Encoding = "binary and json"
)

// Finding is a break: records that can't be read, or that would be read wrongly.
type Finding struct {
	// Path leads to the place, from the record on: AccountOpened.owner, Order.lines[].price, Order.prices{}
	// for the values of a map, Order.payment(Card).number for a branch among several. Names are those of the
	// schema that reads. In a JSON Schema it leads to the value, from # on: #.lines[].price.
	Path      string    `json:"path"`
	Direction Direction `json:"direction"`
	Kind      Kind      `json:"kind"`
	// Reason says what can't be read, and why.
	Reason string `json:"reason"`
	// Encoding is which form of a Protobuf record is concerned: its bytes, its JSON (as HTTP APIs take and
	// give it), or both. It is empty for the other formats, which have one form.
	Encoding Encoding `json:"encoding,omitempty"`
	// Rule is the rule of the format's specification.
	Rule string `json:"rule"`
	// Remedy says what would be compatible.
	Remedy string `json:"remedy"`
	// Silent reports that the records are read without an error: with other values than were written, or
	// where other libraries refuse.
	Silent bool `json:"silent,omitempty"`
}

// String returns the finding in one line.
func (f Finding) String() string {
	about := string(f.Kind)
	if f.Encoding != "" {
		about += ", " + string(f.Encoding)
	}
	return fmt.Sprintf("%s: %s (%s): %s [%s]; instead: %s",
		f.Path, f.Direction, about, f.Reason, f.Rule, f.Remedy)
}

// The rules of the specification, as findings name them.
const (
	specification = "Avro 1.12, Schema Resolution: "

	ruleMatch     = specification + "the two schemas must match: the same type, or one that is promoted"
	ruleName      = specification + "both schemas must have the same (unqualified) name, or an alias"
	ruleDefault   = specification + "a reader's field that the writer lacks must have a default"
	ruleAliases   = "Avro 1.12, Aliases: the writer's schema is rewritten by the reader's aliases"
	ruleSymbol    = specification + "a writer's symbol that the reader's enum lacks needs the enum's default"
	ruleFixed     = specification + "both schemas are fixed whose sizes match"
	ruleUnion     = specification + "the first branch of the reader's union that matches is resolved"
	ruleFromUnion = specification + "if the writer's is a union, the selected branch must match the reader's"
	ruleDecimal   = "Avro 1.12, Decimal: two decimals match if their scales and precisions match"
	ruleLogical   = "Avro 1.12, Logical Types: the underlying type is resolved, its meaning is not"
)
