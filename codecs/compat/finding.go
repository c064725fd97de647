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
)

// Finding is a break: records that can't be read, or that would be read wrongly.
type Finding struct {
	// Path leads to the place, from the record on: AccountOpened.owner, Order.lines[].price, Order.prices{}
	// for the values of a map, Order.payment(Card).number for a branch among several. Names are those of the
	// schema that reads.
	Path      string    `json:"path"`
	Direction Direction `json:"direction"`
	Kind      Kind      `json:"kind"`
	// Reason says what can't be read, and why.
	Reason string `json:"reason"`
	// Rule is the rule of the Avro specification.
	Rule string `json:"rule"`
	// Remedy says what would be compatible.
	Remedy string `json:"remedy"`
	// Silent reports that twmb/avro reads the records without an error: with other values than were written,
	// or where other libraries refuse.
	Silent bool `json:"silent,omitempty"`
}

// String returns the finding in one line.
func (f Finding) String() string {
	return fmt.Sprintf("%s: %s (%s): %s [%s]; instead: %s",
		f.Path, f.Direction, f.Kind, f.Reason, f.Rule, f.Remedy)
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
