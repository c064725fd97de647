package readmodels

import (
	"slices"
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"

	"refold/processors/orders"
	"refold/projections"
)

// OrderDocument is an order as it is found by words.
type OrderDocument struct {
	OrderID         string         `column:"order_id,key,subject" json:"orderId" doc:"The order's ID."`
	AccountID       string         `column:"account_id,subject" json:"accountId" doc:"The account that pays."`
	Status          orders.Status  `column:"status" json:"status" enum:"placed,shipped,delivered,cancelled,declined" doc:"Where it is in its life."`
	Payment         orders.Payment `column:"payment" json:"payment" enum:"pending,paid,declined,refund-pending,refunded,refund-declined" doc:"Where its money is."`
	Currency        string         `column:"currency" json:"currency" doc:"The order's ISO 4217 code."`
	Total           int64          `column:"total" json:"total" doc:"In minor units (cents)."`
	SKUs            []string       `column:"skus" json:"skus" nullable:"false" doc:"What was ordered, each once."`
	Carriers        []string       `column:"carriers" json:"carriers" nullable:"false" doc:"Which carriers have parcels of it, each once."`
	TrackingNumbers []string       `column:"tracking_numbers" json:"trackingNumbers" nullable:"false" doc:"The carriers'."`
	// Terms are the words of all texts above, as Words makes them, each once, with spaces between them.
	Terms    string `column:"terms" json:"-"`
	Sequence int64  `column:"sequence" json:"sequence" doc:"Of the order's last event."`
}

// OrderDocuments is the table of OrderSearch: a row, or document, for each order.
var OrderDocuments = projections.NewTable[OrderDocument]("order_search")

// OrderSearch finds orders by words of their lines, carriers, tracking numbers, states and IDs. Databases
// have full text over the column terms; other stores ignore that.
var OrderSearch = projections.Projection{
	Name: "order_search", Version: 1, Kind: projections.Search,
	Tables:     projections.Tables{OrderDocuments.Table},
	Sources:    []projections.Source{projections.FromStates(orders.Definition, orderDocument)},
	Migrations: migrationsOf("order_search"),
}

func orderDocument(s projections.State[orders.Order]) []projections.Change {
	o := s.State
	doc := OrderDocument{
		OrderID: s.Subject, AccountID: o.AccountID, Status: o.Status, Payment: o.Payment,
		Currency: o.Currency, Total: o.Total, SKUs: []string{}, Carriers: []string{},
		TrackingNumbers: []string{}, Sequence: s.Sequence,
	}
	for _, l := range o.Lines {
		doc.SKUs = withText(doc.SKUs, l.SKU)
	}
	for _, p := range o.Parcels {
		doc.Carriers = withText(doc.Carriers, p.Carrier)
		doc.TrackingNumbers = withText(doc.TrackingNumbers, p.TrackingNumber)
	}
	texts := slices.Concat(
		[]string{doc.OrderID, doc.AccountID, string(doc.Status), string(doc.Payment), doc.Currency},
		doc.SKUs, doc.Carriers, doc.TrackingNumbers)
	doc.Terms = strings.Join(Words(strings.Join(texts, " ")), " ")
	return []projections.Change{OrderDocuments.Put(doc)}
}

func withText(list []string, text string) []string {
	if slices.Contains(list, text) {
		return list
	}
	return append(list, text)
}

// Words returns the words of a text, each once: in lower case, without accents, and of letters and digits
// only. Documents and questions are cut alike, whatever the store makes of punctuation.
func Words(text string) []string {
	var words []string
	letters := strings.Map(func(r rune) rune {
		switch {
		case unicode.Is(unicode.Mn, r):
			return -1
		case unicode.IsLetter(r), unicode.IsNumber(r):
			return unicode.ToLower(r)
		default:
			return ' '
		}
	}, norm.NFKD.String(text))
	for word := range strings.FieldsSeq(letters) {
		words = withText(words, word)
	}
	return words
}
