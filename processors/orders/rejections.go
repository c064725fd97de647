package orders

import (
	"math"
	"math/bits"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"refold/eventsourcing"
	"refold/processors/accounts"
)

// Codes of rejections. They are part of the contract: senders act on them. A further one, of every
// aggregate, is [eventsourcing.CodeSequenceMismatch]. [Definition] says what each means.
const (
	CodeOrderNotPlaced      = "order-not-placed"
	CodeOrderAlreadyPlaced  = "order-already-placed"
	CodeOrderDeclined       = "order-declined"
	CodeOrderCancelled      = "order-cancelled"
	CodeOrderDelivered      = "order-delivered"
	CodeOrderAlreadyShipped = "order-already-shipped"
	CodeOrderNotShipped     = "order-not-shipped"
	CodePaymentPending      = "payment-pending"
	CodePaymentNotExpected  = "payment-not-expected"
	CodeRefundNotExpected   = "refund-not-expected"

	CodeAccountMissing        = "account-missing"
	CodeCurrencyUnknown       = "currency-unknown"
	CodeCurrencyMixed         = "currency-mixed"
	CodeLinesMissing          = "lines-missing"
	CodeTooManyLines          = "too-many-lines"
	CodeSKUMissing            = "sku-missing"
	CodeQuantityNotPositive   = "quantity-not-positive"
	CodePriceNegative         = "price-negative"
	CodeTotalNotPositive      = "total-not-positive"
	CodeTotalOverflow         = "total-overflow"
	CodeParcelsMissing        = "parcels-missing"
	CodeTooManyParcels        = "too-many-parcels"
	CodeCarrierMissing        = "carrier-missing"
	CodeTrackingNumberMissing = "tracking-number-missing"
	CodeReasonMissing         = "reason-missing"
	CodePaymentMissing        = "payment-missing"
	CodeRefundMissing         = "refund-missing"
	CodeCodeMissing           = "code-missing"
	CodeTextTooLong           = "text-too-long"
	CodeTextInvalid           = "text-invalid"
)

// Limits of an order. Texts are counted in characters (Unicode code points).
const (
	// MaxLines bounds the row, which is written with every command: 100 lines with SKUs of a dozen
	// letters are 2 KiB, with the longest that are allowed 7 (26, if each character has four bytes).
	MaxLines     = 100
	MaxSKU       = 64  // a trade item's number has 14 digits, a UUID 36
	MaxID        = 128 // as the API allows
	MaxMessageID = 512 // IDs of events, which have those of aggregates in them
	MaxText      = 100 // names and numbers of carriers, codes
	MaxReason    = 500 // a sentence or two
	MaxParcels   = 20  // as many events of one command, and at most 4 KiB of the row
	// MaxSurplus is how many payments that were not due an order notes and gives back. For each,
	// somebody must have set the process's offsets back once the account had forgotten the last.
	MaxSurplus = 8
)

func rejectNotPlaced() error {
	return eventsourcing.Reject(CodeOrderNotPlaced, "there is no such order")
}

// checkNotEnded rejects what only an order that is placed or shipped takes.
func checkNotEnded(o Order) error {
	switch o.Status {
	case StatusNone:
		return rejectNotPlaced()
	case StatusDeclined:
		return eventsourcing.Reject(CodeOrderDeclined, "the account did not pay: %s", o.Code)
	case StatusCancelled:
		return eventsourcing.Reject(CodeOrderCancelled, "the order was cancelled: %s", o.Reason)
	case StatusDelivered:
		return eventsourcing.Reject(CodeOrderDelivered, "the order has been delivered")
	case StatusPlaced, StatusShipped:
	}
	return nil
}

func checkCurrency(currency string) error {
	if !accounts.ActiveCurrency(currency) {
		return eventsourcing.Reject(CodeCurrencyUnknown,
			"currency is %.10q; it must be an active ISO 4217 code of three upper-case letters, "+
				"such as EUR", currency)
	}
	return nil
}

// checkLines returns the total. Lines are counted from 1 in messages, as people do.
func checkLines(lines []Line, currency string) (total int64, err error) {
	switch {
	case len(lines) == 0:
		return 0, eventsourcing.Reject(CodeLinesMissing, "lines is empty; an order has 1 to %d",
			MaxLines)
	case len(lines) > MaxLines:
		return 0, eventsourcing.Reject(CodeTooManyLines, "there are %d lines; at most %d are "+
			"allowed", len(lines), MaxLines)
	}
	for i, line := range lines {
		if err := checkLine(line, i+1, currency); err != nil {
			return 0, err
		}
		high, sum := bits.Mul64(uint64(line.Quantity), uint64(line.UnitPrice))
		if high > 0 || sum > uint64(math.MaxInt64-total) {
			return 0, eventsourcing.Reject(CodeTotalOverflow,
				"with line %d the total is more than %d minor units, the most an order holds", i+1,
				int64(math.MaxInt64))
		}
		total += int64(sum)
	}
	if total == 0 {
		return 0, eventsourcing.Reject(CodeTotalNotPositive,
			"the total is 0; at least one line must have a price")
	}
	return total, nil
}

func checkLine(line Line, number int, currency string) error {
	sku := "the sku of line " + strconv.Itoa(number)
	if err := eventsourcing.CheckText(sku, line.SKU, MaxSKU, CodeSKUMissing); err != nil {
		return err
	}
	switch {
	case line.Quantity < 1:
		return eventsourcing.Reject(CodeQuantityNotPositive,
			"the quantity of line %d is %d; it must be 1 or more", number, line.Quantity)
	case line.UnitPrice < 0:
		return eventsourcing.Reject(CodePriceNegative,
			"the unit price of line %d is %d; it must be 0 minor units or more", number,
			line.UnitPrice)
	case line.Currency != currency:
		return eventsourcing.Reject(CodeCurrencyMixed,
			"line %d is in %.10q, the order in %s; an order has one currency", number,
			line.Currency, currency)
	}
	return nil
}

// checkParcels counts parcels from 1 in messages, as people do.
func checkParcels(parcels []Parcel) error {
	switch {
	case len(parcels) == 0:
		return eventsourcing.Reject(CodeParcelsMissing, "parcels is empty; an order is shipped in 1 to %d",
			MaxParcels)
	case len(parcels) > MaxParcels:
		return eventsourcing.Reject(CodeTooManyParcels, "there are %d parcels; at most %d are allowed",
			len(parcels), MaxParcels)
	}
	for i, p := range parcels {
		of := " of parcel " + strconv.Itoa(i+1)
		err := eventsourcing.CheckText("the carrier"+of, p.Carrier, MaxText, CodeCarrierMissing)
		if err != nil {
			return err
		}
		err = eventsourcing.CheckText("the trackingNumber"+of, p.TrackingNumber, MaxText,
			CodeTrackingNumberMissing)
		if err != nil {
			return err
		}
	}
	return nil
}

// legible makes of an account's message, which is for people, what an order keeps of it: one line of
// limited length.
func legible(message string) string {
	message = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return utf8.RuneError
		}
		return r
	}, strings.ToValidUTF8(message, "�"))
	if utf8.RuneCountInString(message) <= MaxReason {
		return message
	}
	return string([]rune(message)[:MaxReason])
}
