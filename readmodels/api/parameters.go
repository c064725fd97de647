package api

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"refold/processors/accounts"
	"refold/processors/orders"
	"refold/readmodels"
	"refold/views/httpapi/endpoint"
)

// choice is a parameter that is one of some texts. It is a part of such parameters: these know which.
type choice struct{ endpoint.Text }

func (c *choice) read(text []byte, allowed []string) error {
	if c.Sent = string(text); !slices.Contains(allowed, c.Sent) {
		c.Refuse("one of " + strings.Join(allowed, ", "))
	}
	return nil
}

func choiceOf(description string, allowed []string) *huma.Param {
	schema := &huma.Schema{Type: huma.TypeString}
	for _, text := range allowed {
		schema.Enum = append(schema.Enum, text)
	}
	return endpoint.Param(description, schema, nil)
}

var (
	accountStatuses = []string{
		string(accounts.StatusOpen), string(accounts.StatusFrozen), string(accounts.StatusClosed),
	}
	orderStatuses = []string{
		string(orders.StatusPlaced), string(orders.StatusShipped), string(orders.StatusDelivered),
		string(orders.StatusCancelled), string(orders.StatusDeclined),
	}
	payments = []string{
		string(orders.PaymentPending), string(orders.PaymentPaid), string(orders.PaymentNotMade),
		string(orders.PaymentRefundPending), string(orders.PaymentBack), string(orders.PaymentRefundDeclined),
	}
)

// accountStatus is the status of accounts that are asked for.
type accountStatus struct{ choice }

// Describe returns its description.
func (accountStatus) Describe(endpoint.Context) *huma.Param {
	return choiceOf("Accounts of this status only.", accountStatuses)
}

// UnmarshalText reads it.
func (s *accountStatus) UnmarshalText(text []byte) error { return s.read(text, accountStatuses) }

// orderStatus is the status of orders that are asked for.
type orderStatus struct{ choice }

// Describe returns its description.
func (orderStatus) Describe(endpoint.Context) *huma.Param {
	return choiceOf("Orders of this status only.", orderStatuses)
}

// UnmarshalText reads it.
func (s *orderStatus) UnmarshalText(text []byte) error { return s.read(text, orderStatuses) }

// payment is where the money is of orders that are asked for.
type payment struct{ choice }

// Describe returns its description.
func (payment) Describe(endpoint.Context) *huma.Param {
	return choiceOf("Orders whose money is there only.", payments)
}

// UnmarshalText reads it.
func (p *payment) UnmarshalText(text []byte) error { return p.read(text, payments) }

// attention limits orders to those that a person has to see to.
type attention struct{ choice }

// Describe returns its description.
func (attention) Describe(endpoint.Context) *huma.Param {
	return choiceOf("Orders that a person has to see to only.", []string{"true"})
}

// UnmarshalText reads it.
func (a *attention) UnmarshalText(text []byte) error { return a.read(text, []string{"true"}) }

// accountID is the ID of an account.
type accountID string

// Describe returns its description.
func (accountID) Describe(endpoint.Context) *huma.Param {
	return endpoint.Param("The account's ID.", endpoint.IDSchema(), "alice")
}

// ofAccount is the account whose orders are asked for.
type ofAccount string

// Describe returns its description.
func (ofAccount) Describe(endpoint.Context) *huma.Param {
	return endpoint.Param("Orders that this account pays only.", &huma.Schema{Type: huma.TypeString}, nil)
}

// owner is the owner whose accounts are asked for.
type owner string

// Describe returns its description.
func (owner) Describe(endpoint.Context) *huma.Param {
	return endpoint.Param("Accounts of this owner only, in upper or lower case.",
		&huma.Schema{Type: huma.TypeString}, nil)
}

// currency is that of accounts that are asked for.
type currency string

// Describe returns its description.
func (currency) Describe(endpoint.Context) *huma.Param {
	return endpoint.Param("Accounts in this currency only.", &huma.Schema{Type: huma.TypeString}, "EUR")
}

// minAge is how long orders have had their status at least.
type minAge struct{ endpoint.Number }

// maxAge is more than any order's age, and fits into a time.Duration.
const maxAge = 100 * 365 * 24 * time.Hour

// Describe returns its description.
func (minAge) Describe(endpoint.Context) *huma.Param {
	return endpoint.Param("Orders that have had their status for so many seconds at least.",
		endpoint.IntegerSchema(0, int64(maxAge/time.Second)), 3600)
}

// UnmarshalText reads it.
func (a *minAge) UnmarshalText(text []byte) error {
	const allowed = "a whole number of seconds from 0, a hundred years at most"
	err := a.Read(text, 0, allowed)
	if a.N > int64(maxAge/time.Second) {
		a.Refuse(allowed)
	}
	return err
}

// month is the month of a statement.
type month struct{ endpoint.Text }

// Describe returns its description.
func (month) Describe(endpoint.Context) *huma.Param {
	return endpoint.Param("The month, in UTC: YYYY-MM. That of the last booking, if it is not given.",
		endpoint.StringSchema(`^[0-9]{4}-(0[1-9]|1[0-2])$`), "2026-01")
}

// UnmarshalText reads it.
func (m *month) UnmarshalText(text []byte) error {
	m.Sent = string(text)
	t, err := time.Parse(readmodels.MonthForm, m.Sent)
	if err != nil || t.Format(readmodels.MonthForm) != m.Sent {
		m.Refuse("a month: YYYY-MM, such as 2026-01")
	}
	return nil
}

// words are what orders are searched by.
type words struct {
	endpoint.Text

	words []string
}

const (
	maxWords      = 16
	maxWordsBytes = 512
)

// Describe returns its description.
func (words) Describe(endpoint.Context) *huma.Param {
	return endpoint.Param(fmt.Sprintf("Words, %d at most. An order is found if each of them begins a word "+
		"of its lines, carriers, tracking numbers, states or IDs. Case, accents and punctuation do not "+
		"count. Required.", maxWords),
		&huma.Schema{Type: huma.TypeString, MaxLength: new(maxWordsBytes)}, "dhl tea")
}

// UnmarshalText reads them.
func (w *words) UnmarshalText(text []byte) error {
	w.Sent = string(text)
	if len(w.Sent) <= maxWordsBytes {
		w.words = readmodels.Words(w.Sent)
	}
	return nil
}

// Resolve says that there are too few or too many.
func (w *words) Resolve(ctx huma.Context, path *huma.PathBuffer) []error {
	if len(w.words) < 1 || len(w.words) > maxWords {
		w.Refuse(fmt.Sprintf("1 to %d words of letters or digits, %d bytes at most", maxWords, maxWordsBytes))
	}
	return w.Text.Resolve(ctx, path)
}

// limit is how many rows a page may have.
type limit struct{ endpoint.Limit }

// Describe returns its description.
func (limit) Describe(c endpoint.Context) *huma.Param {
	return endpoint.Param(fmt.Sprintf("Rows of a page; %d if not given.", c.DefaultRows()),
		endpoint.IntegerSchema(1, int64(c.PageRows)), nil)
}

// ifNoneMatch is the header If-None-Match; one that can't be read is none.
type ifNoneMatch string

// Describe returns its description.
func (ifNoneMatch) Describe(endpoint.Context) *huma.Param {
	return endpoint.Param("The ETag of the answer that the client has.", &huma.Schema{Type: huma.TypeString},
		`"Uo8FJ2vq8hpcWf0a"`)
}

// accept is the header Accept of a statement.
type accept string

// Describe returns its description.
func (accept) Describe(endpoint.Context) *huma.Param {
	return endpoint.Param("application/json, text/csv or text/html; JSON if it is none of them.",
		&huma.Schema{Type: huma.TypeString}, "text/csv")
}
