package accounts

// Reason says why an account is frozen: to programs by its kind, and to people by its text.
type Reason struct {
	Kind ReasonKind `avro:"kind" json:"kind" doc:"OTHER if it is none of the other kinds."`
	Text string     `avro:"text" json:"text" doc:"For the record: 1 to 500 characters."`
}

// ReasonKind is a kind of reason, an enum. A further kind is safe to add: a program that does not know it
// reads OTHER.
type ReasonKind string

// The kinds of reasons.
const (
	ReasonOther      ReasonKind = "OTHER"
	ReasonStolen     ReasonKind = "STOLEN" // a card or a key, say, as the owner reports
	ReasonCourtOrder ReasonKind = "COURT_ORDER"
	ReasonFraud      ReasonKind = "FRAUD"    // suspected, by a person or a program
	ReasonDeceased   ReasonKind = "DECEASED" // the owner has died
)

// reasonKinds are the enum's symbols. A further one is added at the end.
var reasonKinds = []string{
	string(ReasonOther), string(ReasonStolen), string(ReasonCourtOrder), // version 2
	string(ReasonFraud), string(ReasonDeceased), // version 3
}

// AvroSymbols returns the enum's symbols, and the default among them.
func (ReasonKind) AvroSymbols() (symbols []string, unknown string) {
	return reasonKinds, string(ReasonOther)
}

// AvroDoc documents the enum.
func (ReasonKind) AvroDoc() string {
	return "Kinds of reasons to freeze an account. A kind that a reader does not know is OTHER."
}

// AvroDoc documents the record.
func (Reason) AvroDoc() string { return "Why an account is frozen." }
