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
// aggregate, is [eventsourcing.CodeSequenceMismatch].
const (
	// CodeOrderNotPlaced: there is no such order.
	CodeOrderNotPlaced = "order-not-placed"
	// CodeOrderAlreadyPlaced: PlaceOrder, under an ID that is taken.
	CodeOrderAlreadyPlaced = "order-already-placed"
	// CodeOrderDeclined: the account did not pay; the order has ended.
	CodeOrderDeclined = "order-declined"
	// CodeOrderCancelled: the order was cancelled.
	CodeOrderCancelled = "order-cancelled"
	// CodeOrderDelivered: the order has been delivered.
	CodeOrderDelivered = "order-delivered"
	// CodeOrderAlreadyShipped: the order has left; it is neither shipped again nor cancelled.
	CodeOrderAlreadyShipped = "order-already-shipped"
	// CodeOrderNotShipped: DeliverOrder, of an order that has not left.
	CodeOrderNotShipped = "order-not-shipped"
	// CodePaymentPending: ShipOrder, before the account has paid. Try again later.
	CodePaymentPending = "payment-pending"
	// CodePaymentNotExpected: a payment is recorded that the order doesn't wait for, and it has no
	// room to note a further one.
	CodePaymentNotExpected = "payment-not-expected"
	// CodeRefundNotExpected: a refund is recorded that the order doesn't wait for.
	CodeRefundNotExpected = "refund-not-expected"

	// CodeAccountMissing: PlaceOrder, without an account.
	CodeAccountMissing = "account-missing"
	// CodeCurrencyUnknown: what is no active ISO 4217 currency.
	CodeCurrencyUnknown = "currency-unknown"
	// CodeCurrencyMixed: a line in another currency than the order.
	CodeCurrencyMixed = "currency-mixed"
	// CodeLinesMissing: PlaceOrder, without lines.
	CodeLinesMissing = "lines-missing"
	// CodeTooManyLines: PlaceOrder, with more than MaxLines.
	CodeTooManyLines = "too-many-lines"
	// CodeSKUMissing: a line does not say of what.
	CodeSKUMissing = "sku-missing"
	// CodeQuantityNotPositive: a line of 0 or fewer.
	CodeQuantityNotPositive = "quantity-not-positive"
	// CodePriceNegative: a line with a price below 0.
	CodePriceNegative = "price-negative"
	// CodeTotalNotPositive: there is nothing to pay, so that no account can.
	CodeTotalNotPositive = "total-not-positive"
	// CodeTotalOverflow: the total is more than an int64 holds.
	CodeTotalOverflow = "total-overflow"
	// CodeCarrierMissing: ShipOrder, without a carrier.
	CodeCarrierMissing = "carrier-missing"
	// CodeTrackingNumberMissing: ShipOrder, without a tracking number.
	CodeTrackingNumberMissing = "tracking-number-missing"
	// CodeReasonMissing: CancelOrder, without a reason.
	CodeReasonMissing = "reason-missing"
	// CodePaymentMissing: a payment is recorded without its ID.
	CodePaymentMissing = "payment-missing"
	// CodeRefundMissing: a refund is recorded without its ID.
	CodeRefundMissing = "refund-missing"
	// CodeCodeMissing: a decline is recorded without its code.
	CodeCodeMissing = "code-missing"
	// CodeTextTooLong: a text has more characters than allowed.
	CodeTextTooLong = "text-too-long"
	// CodeTextInvalid: a text is no UTF-8, or has a control character.
	CodeTextInvalid = "text-invalid"
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
