package audit_test

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"maps"

	"refold/audit"
	"refold/system/load"
)

const ringSize = 16

// naive is the simplest worker there can be: one partition, nothing ever fails. What it makes of
// commands is a whole world.
type naive struct {
	world *audit.World
	seen  map[string]audit.Result
	rings map[string][][]byte
}

// wholeWorld returns a world in which all promises are kept.
func wholeWorld() *audit.World { return worldOf(func(c load.Command) string { return c.ID }) }

// worldOf is a whole world whose commands are called otherwise.
func worldOf(called func(load.Command) string) *audit.World {
	n := &naive{
		world: &audit.World{
			Kind:      audit.Accounts,
			Rows:      make(map[string]audit.Row),
			Committed: map[int32]int64{0: 0},
			Ends:      map[int32]int64{0: 0},
			RingSize:  ringSize,
		},
		seen:  make(map[string]audit.Result),
		rings: make(map[string][][]byte),
	}
	for command := range load.Commands(1, 50, 5_000) {
		command.ID = called(command)
		n.handle(command)
	}
	return n.world
}

func (n *naive) handle(c load.Command) {
	w := n.world
	offset := int64(len(w.Commands))
	at := audit.Place{Offset: offset, Key: c.Key}
	w.Commands = append(w.Commands, audit.Command{
		Place: at, ID: c.ID, Type: c.Type, Fields: c.Fields,
	})
	w.Committed[0], w.Ends[0] = offset+1, offset+1
	if result, again := n.seen[c.Key+" "+c.ID]; again {
		result.Offset, result.Repeated = offset, true
		w.Results = append(w.Results, result)
		return
	}
	row := w.Rows[c.Key]
	if row.State == nil {
		row.State = audit.Accounts.Initial
	}
	row.Place, row.State = at, maps.Clone(row.State)
	event, code := decide(row.State, c)
	result := audit.Result{
		Place: at, ID: c.ID + "/result", Causation: c.ID, Type: c.Type,
		Accepted: code == "", Code: code,
	}
	if result.Accepted {
		row.Sequence++
		result.First, result.Last = row.Sequence, row.Sequence
		w.Events = append(w.Events, audit.Event{
			Place: at, ID: fmt.Sprintf("%s/%d", c.Key, row.Sequence), Type: event, Subject: c.Key,
			Sequence: row.Sequence, Causation: c.ID, Fields: c.Fields,
		})
	}
	row.Recent = n.remember(result)
	w.Rows[c.Key] = row
	n.seen[c.Key+" "+c.ID] = result
	w.Results = append(w.Results, result)
}

// decide returns the event's type or the rejection's code, and changes the account as the event does.
// Here an account remembers one charge only, and none after a refund.
func decide(row map[string]any, c load.Command) (event, code string) {
	amount, _ := c.Fields["amount"].(int64)
	reference, _ := c.Fields["reference"].(string)
	balance, charges := row["balance"].(int64), row["charges"].([]any)
	refundable := int64(-1)
	if len(charges) == 1 && charges[0].(map[string]any)["reference"] == reference {
		refundable = charges[0].(map[string]any)["refundable"].(int64)
	}
	switch {
	case c.Type == "OpenAccount" && row["status"] == "":
		row["status"], row["owner"], row["currency"] = "open", c.Fields["owner"], "EUR"
		return "AccountOpened", ""
	case row["status"] != "open":
		return "", "account-not-open"
	case c.Type == "FreezeAccount", c.Type == "CloseAccount", c.Type == "OpenAccount":
		return "", "not-by-this-worker"
	case c.Type == "UnfreezeAccount":
		return "AccountUnfrozen", "" // makes open what is open
	case amount < 1, c.Fields["currency"] != "EUR":
		return "", "amount-not-positive"
	case c.Type == "DepositMoney":
		add(row, amount)
		return "MoneyDeposited", ""
	case c.Type == "RefundAccount" && refundable >= amount:
		add(row, amount)
		row["charges"] = []any{}
		if left := refundable - amount; left > 0 {
			row["charges"] = []any{chargeOf(reference, left)}
		}
		return "AccountRefunded", ""
	case c.Type == "WithdrawMoney" && balance >= amount:
		add(row, -amount)
		return "MoneyWithdrawn", ""
	case c.Type == "ChargeAccount" && balance >= amount && len(charges) == 0:
		add(row, -amount)
		row["charges"] = []any{chargeOf(reference, amount)}
		return "AccountCharged", ""
	}
	return "", "insufficient-funds"
}

// remember returns the account's ring after one more result.
func (n *naive) remember(r audit.Result) []byte {
	hash := sha256.Sum256([]byte(r.Causation))
	payload := append([]byte{0x80 | byte(len(r.Code))}, hash[:16]...)
	payload = append(payload, r.Code...)
	if r.Accepted {
		numbers := binary.AppendUvarint(nil, uint64(r.First))
		numbers = binary.AppendUvarint(numbers, uint64(r.Last-r.First+1))
		payload = append(append([]byte{byte(len(numbers))}, hash[:16]...), numbers...)
	}
	n.rings[r.Key] = append(n.rings[r.Key], payload)
	n.rings[r.Key] = n.rings[r.Key][max(0, len(n.rings[r.Key])-ringSize):]
	bytes := []byte{1}
	for _, entry := range n.rings[r.Key] {
		bytes = append(bytes, entry...)
	}
	return bytes
}
