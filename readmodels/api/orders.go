package api

import (
	"context"
	"net/url"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"refold/readmodels"
	"refold/views/httpapi/endpoint"
)

const ordersPath = "/orders"

type ordersInput struct {
	Status      orderStatus `query:"status"`
	Payment     payment     `query:"payment"`
	Attention   attention   `query:"attention"`
	Account     ofAccount   `query:"account"`
	MinAge      minAge      `query:"minAge"`
	Cursor      cursor      `query:"cursor"`
	Limit       limit       `query:"limit"`
	IfNoneMatch ifNoneMatch `header:"If-None-Match"`

	Fresh
}

func (e *endpoints) registerOrders(set *endpoint.Set) {
	register(e, set, &readmodels.OrdersByStatus, huma.Operation{
		OperationID: "read-orders", Path: ordersPath,
		Summary: "Orders by status, payment or account: what has waited longest first, page by page",
		Responses: described(set, "A page.", jsonOf(endpoint.SchemaOf[Page[readmodels.OrderRow]](set)),
			map[int]string{}),
	}, e.orders)
}

// orders answers GET /read-models/orders.
func (e *endpoints) orders(ctx context.Context, in *ordersInput) (*output, error) {
	after, err := in.Cursor.of("orders", 2)
	if err != nil {
		return nil, err
	}
	if len(after) > 0 && !isTimeText(after[0]) {
		return nil, in.Cursor.wrong()
	}
	var c conditions
	c.equal("status", in.Status.Sent)
	c.equal("payment", in.Payment.Sent)
	c.equal("account_id", string(in.Account))
	if in.Attention.Sent != "" {
		c.add("attention <> ''")
	}
	if in.MinAge.Sent != "" {
		c.add("status_since <= ?", timeText(e.Now().Add(-time.Duration(in.MinAge.N)*time.Second)))
	}
	if after != nil {
		c.add("(status_since, order_id) > (?, ?)", after[0], after[1])
	}
	size := int(in.Limit.N)
	where, args := c.where("ORDER BY status_since, order_id LIMIT ?", size+1)
	rows, err := read(ctx, e.Database, e.Database.DB(), readmodels.Orders, where, args...)
	if err != nil {
		return nil, err
	}
	page := pageOf(rows, size, root+ordersPath, url.Values{
		"status": {in.Status.Sent}, "payment": {in.Payment.Sent}, "attention": {in.Attention.Sent},
		"account": {string(in.Account)}, "minAge": {in.MinAge.Sent},
	}, func(last readmodels.OrderRow) string {
		return cursorOf("orders", timeText(last.StatusSince), last.OrderID)
	})
	return answerJSON(page, in.IfNoneMatch, page.Next), nil
}

type searchInput struct {
	Words       words       `query:"q"`
	Status      orderStatus `query:"status"`
	Account     ofAccount   `query:"account"`
	Cursor      cursor      `query:"cursor"`
	Limit       limit       `query:"limit"`
	IfNoneMatch ifNoneMatch `header:"If-None-Match"`

	Fresh
}

func (e *endpoints) registerSearch(set *endpoint.Set) {
	register(e, set, &readmodels.OrderSearch, huma.Operation{
		OperationID: "search-orders", Path: ordersPath + "/search",
		Summary: "Orders by words, ordered by ID, page by page",
		Responses: described(set, "A page.", jsonOf(endpoint.SchemaOf[Page[readmodels.OrderDocument]](set)),
			map[int]string{}),
	}, e.search)
}

// search answers GET /read-models/orders/search.
func (e *endpoints) search(ctx context.Context, in *searchInput) (*output, error) {
	after, err := in.Cursor.of("search", 1)
	if err != nil {
		return nil, err
	}
	size := int(in.Limit.N)
	q := Question{
		Words: in.Words.words, Account: string(in.Account), Status: in.Status.Sent, Limit: size + 1,
	}
	if after != nil {
		q.After = after[0]
	}
	found, err := e.Orders.SearchOrders(ctx, q)
	if err != nil {
		return nil, err //nolint:wrapcheck // it says what was read
	}
	page := pageOf(found, size, root+ordersPath+"/search", url.Values{
		"q": {in.Words.Sent}, "status": {in.Status.Sent}, "account": {string(in.Account)},
	}, func(last readmodels.OrderDocument) string { return cursorOf("search", last.OrderID) })
	return answerJSON(page, in.IfNoneMatch, page.Next), nil
}
