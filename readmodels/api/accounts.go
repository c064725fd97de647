package api

import (
	"context"
	"net/url"

	"github.com/danielgtaylor/huma/v2"

	"refold/client/wire"
	"refold/readmodels"
	"refold/views/httpapi/endpoint"
)

const accountsPath = "/accounts"

type accountsInput struct {
	Owner       owner         `query:"owner"`
	Status      accountStatus `query:"status"`
	Currency    currency      `query:"currency"`
	Cursor      cursor        `query:"cursor"`
	Limit       limit         `query:"limit"`
	IfNoneMatch ifNoneMatch   `header:"If-None-Match"`

	Fresh
}

func (e *endpoints) registerAccounts(set *endpoint.Set) {
	register(e, set, &readmodels.AccountsCurrent, huma.Operation{
		OperationID: "read-accounts", Path: accountsPath,
		Summary: "Accounts by owner, status or currency, ordered by ID, page by page",
		Responses: described(set, "A page.", jsonOf(endpoint.SchemaOf[Page[readmodels.AccountRow]](set)),
			map[int]string{}),
	}, e.accounts)
}

// accounts answers GET /read-models/accounts.
func (e *endpoints) accounts(ctx context.Context, in *accountsInput) (*output, error) {
	after, err := in.Cursor.of("accounts", 1)
	if err != nil {
		return nil, err
	}
	var c conditions
	c.equal("owner_folded", readmodels.OwnerKey(string(in.Owner)))
	c.equal("status", in.Status.Sent)
	c.equal("currency", string(in.Currency))
	if after != nil {
		c.add("account_id > ?", after[0])
	}
	size := int(in.Limit.N)
	where, args := c.where("ORDER BY account_id LIMIT ?", size+1)
	rows, err := read(ctx, e.Database, e.Database.DB(), readmodels.Accounts, where, args...)
	if err != nil {
		return nil, err
	}
	page := pageOf(rows, size, root+accountsPath, url.Values{
		"owner": {string(in.Owner)}, "status": {in.Status.Sent}, "currency": {string(in.Currency)},
	}, func(last readmodels.AccountRow) string { return cursorOf("accounts", last.AccountID) })
	return answerJSON(page, in.IfNoneMatch, page.Next), nil
}

type cardInput struct {
	Account     accountID   `path:"id"`
	IfNoneMatch ifNoneMatch `header:"If-None-Match"`

	Fresh
}

func (e *endpoints) registerCard(set *endpoint.Set) {
	register(e, set, &readmodels.AccountCard, huma.Operation{
		OperationID: "read-card", Path: accountsPath + "/{id}/card",
		Summary: "What a front end shows of an account",
		Responses: described(set, "The card.", jsonOf(endpoint.SchemaOf[readmodels.CardRow](set)),
			map[int]string{404: "There is no such account, or it is not here yet."}),
	}, e.card)
}

// card answers GET /read-models/accounts/{id}/card.
func (e *endpoints) card(ctx context.Context, in *cardInput) (*output, error) {
	id := string(in.Account)
	values, err := e.Cards.LiveRow(ctx, &readmodels.AccountCard, readmodels.Cards.Table, id)
	switch {
	case err != nil:
		return nil, err //nolint:wrapcheck // it says what was read
	case values == nil:
		return nil, unknownAccount(id)
	}
	row, err := readmodels.Cards.Row(values)
	if err != nil {
		return nil, err //nolint:wrapcheck // it names the column
	}
	return answerJSON(row, in.IfNoneMatch, ""), nil
}

// accountPath returns the path of what is about an account.
func accountPath(id, of string) string { return root + accountsPath + "/" + wire.Segment(id) + of }
