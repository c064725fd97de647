package accounts

import (
	"context"
	"embed"
	"fmt"

	"refold/codecs"
	"refold/eventsourcing"
	"refold/processors"
)

//go:embed schemas/*.avsc
var schemas embed.FS

// Schema returns the Avro schema of a record type of this package, such as "DepositMoney". It
// panics if there is none: the files are part of the program.
func Schema(name string) string {
	text, err := schemas.ReadFile("schemas/" + name + ".avsc")
	if err != nil {
		panic(fmt.Sprintf("accounts: no schema of %s: %v", name, err))
	}
	return string(text)
}

// AccountRow is a row of the table as it is encoded.
type AccountRow struct {
	Account  `avro:",inline"`
	Sequence int64  `avro:"sequence"`
	Recent   []byte `avro:"recent"`
}

// Codecs are the record types of the accounts' topics.
type Codecs struct{ Commands, Events, Rows *codecs.Set }

// NewCodecs returns the codecs; their Prepare is still to be called.
func NewCodecs(registry *codecs.Registry) (c Codecs, err error) {
	c.Commands, err = codecs.NewSet(registry,
		record[OpenAccount](), record[DepositMoney](), record[WithdrawMoney](),
		record[ChargeAccount](), record[RefundAccount](), record[FreezeAccount](),
		record[UnfreezeAccount](), record[CloseAccount]())
	if err != nil {
		return Codecs{}, fmt.Errorf("commands of accounts: %w", err)
	}
	c.Events, err = codecs.NewSet(registry,
		record[AccountOpened](), record[MoneyDeposited](), record[MoneyWithdrawn](),
		record[AccountCharged](), record[AccountRefunded](), record[AccountFrozen](),
		record[AccountUnfrozen](), record[AccountClosed]())
	if err != nil {
		return Codecs{}, fmt.Errorf("events of accounts: %w", err)
	}
	c.Rows, err = codecs.NewSet(registry, record[AccountRow]())
	if err != nil {
		return Codecs{}, fmt.Errorf("rows of accounts: %w", err)
	}
	return c, nil
}

func record[T any]() codecs.Type {
	var zero T
	return codecs.Record[T](Schema(eventsourcing.TypeName(zero)))
}

// Prepare gets the IDs of all schemas from the registry, so that nothing waits for it later.
func (c Codecs) Prepare(ctx context.Context) error {
	for _, set := range []*codecs.Set{c.Commands, c.Events, c.Rows} {
		if err := set.Prepare(ctx); err != nil {
			return fmt.Errorf("schemas of accounts: %w", err)
		}
	}
	return nil
}

// Table returns the codec of the group table.
func (c Codecs) Table() processors.TableCodec[Account, AccountRow] {
	return processors.TableCodec[Account, AccountRow]{
		Rows: c.Rows,
		ToRow: func(a Account, sequence int64, recent []byte) AccountRow {
			return AccountRow{a, sequence, recent}
		},
		FromRow: func(r AccountRow) (Account, int64, []byte) { return r.Account, r.Sequence, r.Recent },
	}
}

// NewFold returns the fold of accounts, by which a table is made again from its events.
func NewFold(c Codecs) *processors.Fold[Account, Event] {
	return processors.NewFold(Decider, c.Events, c.Table())
}
