package audit

import "context"

// Shop is the accounts and the orders, and the payment process between them, all in memory.
type Shop struct {
	Accounts, Orders *World
	// Inputs are how far the payment process has come with what it reads.
	Inputs []Input
}

// Input is a topic that a group reads.
type Input struct {
	Group           string
	Topic           string
	Committed, Ends map[int32]int64
}

// ReadShop reads both worlds, when everything that the commands have led to is done. [Read] says
// what it costs.
func ReadShop(ctx context.Context, s Source) (*Shop, error) {
	var shop Shop
	var err error
	if shop.Accounts, err = Read(ctx, s, Accounts); err != nil {
		return nil, err
	}
	if shop.Orders, err = Read(ctx, s, Orders); err != nil {
		return nil, err
	}
	shop.Inputs, err = inputs(ctx, s, Orders)
	return &shop, err
}

// inputs are those of the processes of kinds.
func inputs(ctx context.Context, s Source, kinds ...Kind) ([]Input, error) {
	var list []Input
	for _, kind := range kinds {
		for _, process := range kind.Processes {
			for _, topic := range process.Reads {
				in, err := input(ctx, s, process.Name, topic)
				if err != nil {
					return nil, err
				}
				list = append(list, in)
			}
		}
	}
	return list, nil
}

// input asks how far a group has come with a topic.
func input(ctx context.Context, s Source, group, topic string) (in Input, err error) {
	in.Group, in.Topic = s.Prefix+group, s.Prefix+topic
	in.Committed, in.Ends, err = Offsets(ctx, s.Brokers, in.Group, in.Topic)
	return in, err
}

// ledger is the shop's.
func (s *Shop) ledger() *ledger {
	l := newLedger(Orders, Accounts)
	l.add(s.Orders)
	l.add(s.Accounts)
	return l
}

// Check returns all broken promises, those of the two worlds and those between them.
func (s *Shop) Check() []Breach {
	found := breaches{append(s.Accounts.Check(), s.Orders.Check()...)}
	found.found = append(found.found, s.ledger().close()...)
	for _, in := range s.Inputs {
		offsets(&found, in.Group, in.Topic, in.Committed, in.Ends)
	}
	return found.found
}

// CheckTold checks that every sender was told what has happened (G1).
func (s *Shop) CheckTold(told []Told) []Breach {
	l := s.ledger()
	l.found = nil
	for i := range told {
		l.told(&told[i])
	}
	return l.found
}
