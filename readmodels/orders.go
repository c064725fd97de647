package readmodels

import "refold/processors/orders"

// Attention says why a person has to see to an order.
type Attention string

// The reasons why a person has to see to an order. In either case the account has refused money that it is
// owed: somebody has to pay it out in another way.
const (
	NoAttention     Attention = ""
	RefundDeclined  Attention = "refund-declined"
	SurplusDeclined Attention = "surplus-declined"
)

func attentionTo(o orders.Order) Attention {
	if o.Payment == orders.PaymentRefundDeclined {
		return RefundDeclined
	}
	for _, s := range o.Surplus {
		if s.RefundID == "" && s.Code != "" {
			return SurplusDeclined
		}
	}
	return NoAttention
}
