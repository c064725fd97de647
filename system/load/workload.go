package load

import (
	"fmt"
	"iter"
	"math/rand/v2"
)

// Command is one command to send.
type Command struct {
	Key    string // ID of the account
	ID     string
	Type   string
	Fields map[string]any
}

const (
	currency = "EUR"
	// remembered commands of an account may come again under their ID. That is fewer than the
	// ring of a row holds, so that each must be recognized.
	remembered = 4
	// hot accounts get a tenth of all commands.
	hot = 10
)

// Commands returns n commands for so many accounts, the same ones for the same seed. Most are
// accepted; each rejection that an account knows of happens, and one in twenty commands is sent
// again under its ID.
func Commands(seed uint64, accounts, n int) iter.Seq[Command] {
	return func(yield func(Command) bool) {
		r := rand.New(rand.NewPCG(seed, 1))
		senders := make(map[int]*sender, accounts)
		for range n {
			i := r.IntN(accounts)
			if r.IntN(10) == 0 {
				i %= hot
			}
			s := senders[i]
			if s == nil {
				s = &sender{key: fmt.Sprintf("account-%d-%d", seed, i)}
				senders[i] = s
			}
			if !yield(s.next(r)) {
				return
			}
		}
	}
}

// sender thinks up the commands of one account.
type sender struct {
	key       string
	sent      int
	recent    []Command
	reference string // of the latest charge
}

func (s *sender) next(r *rand.Rand) Command {
	if len(s.recent) > 0 && r.IntN(20) == 0 {
		return s.recent[r.IntN(len(s.recent))]
	}
	s.sent++
	c := Command{Key: s.key, ID: fmt.Sprintf("%s-command-%d", s.key, s.sent)}
	c.Type, c.Fields = s.wish(r)
	s.recent = append(s.recent, c)
	s.recent = s.recent[max(0, len(s.recent)-remembered):]
	return c
}

// wish returns a command's type and fields. One account in twenty is used before it is opened.
func (s *sender) wish(r *rand.Rand) (string, map[string]any) {
	if s.sent == 1 && r.IntN(20) != 0 {
		return "OpenAccount", map[string]any{"owner": "Owner of " + s.key, "currency": currency}
	}
	amount := map[string]any{"amount": 1 + r.Int64N(10_000), "currency": currency}
	switch dice := r.IntN(100); {
	case dice < 40:
		return "DepositMoney", amount
	case dice < 60:
		return "WithdrawMoney", amount
	case dice < 75:
		s.reference = fmt.Sprintf("order-%d", s.sent)
		amount["reference"] = s.reference
		return "ChargeAccount", amount
	case dice < 85:
		amount["reference"] = s.reference
		return "RefundAccount", amount
	case dice < 87:
		return "FreezeAccount", map[string]any{
			"reason": map[string]any{"kind": "OTHER", "text": "a closer look"},
		}
	case dice < 91:
		return "UnfreezeAccount", map[string]any{}
	case dice < 92:
		return "CloseAccount", map[string]any{}
	case dice < 94:
		return "OpenAccount", map[string]any{"owner": "Somebody else", "currency": currency}
	case dice < 97:
		amount["currency"] = "USD"
		return "DepositMoney", amount
	default:
		amount["amount"] = int64(0)
		return "DepositMoney", amount
	}
}
