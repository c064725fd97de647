package api

import (
	"context"

	"github.com/danielgtaylor/huma/v2"

	"refold/client/wire"
	"refold/readmodels"
	"refold/views/httpapi/endpoint"
)

const customersPath = "/customers/"

type customerInput struct {
	Account     accountID   `path:"account"`
	Cursor      cursor      `query:"cursor"`
	Limit       limit       `query:"limit"`
	IfNoneMatch ifNoneMatch `header:"If-None-Match"`

	Fresh
}

// Customer is an account with a page of its orders.
type Customer struct {
	Customer readmodels.CustomerRow         `json:"customer" doc:"The account, and what its orders come to."`
	Orders   Page[readmodels.CustomerOrder] `json:"orders" doc:"Its orders, the newest first."`
}

func (e *endpoints) registerCustomer(set *endpoint.Set) {
	register(e, set, &readmodels.CustomerOrders, huma.Operation{
		OperationID: "read-customer", Path: customersPath + "{account}",
		Summary: "An account with its orders, the newest first, page by page",
		Responses: described(set, "The account, and a page of its orders.",
			jsonOf(endpoint.SchemaOf[Customer](set)),
			map[int]string{404: "There is neither such an account nor an order of it, or not here yet."}),
	}, e.customer)
}

// customer answers GET /read-models/customers/{account}.
func (e *endpoints) customer(ctx context.Context, in *customerInput) (*output, error) {
	after, err := in.Cursor.of("customer", 2)
	if err != nil {
		return nil, err
	}
	if len(after) > 0 && !isTimeText(after[0]) {
		return nil, in.Cursor.wrong()
	}
	id, size := string(in.Account), int(in.Limit.N)
	var c conditions
	c.add("account_id = ?", id)
	if after != nil {
		c.add("(placed_at, order_id) < (?, ?)", after[0], after[1])
	}
	where, args := c.where("ORDER BY placed_at DESC, order_id DESC LIMIT ?", size+1)
	var customers []readmodels.CustomerRow
	var rows []readmodels.CustomerOrder
	err = atOnce(ctx, e.Database, func(on querier) (err error) {
		customers, err = read(ctx, e.Database, on, readmodels.Customers, "WHERE account_id = ?", id)
		if err != nil || len(customers) == 0 {
			return err
		}
		rows, err = read(ctx, e.Database, on, readmodels.OrdersOfAccount, where, args...)
		return err
	})
	if err != nil {
		return nil, err
	}
	if len(customers) == 0 {
		return nil, unknownAccount(id)
	}
	page := pageOf(rows, size, root+customersPath+wire.Segment(id), nil,
		func(last readmodels.CustomerOrder) string {
			return cursorOf("customer", timeText(last.PlacedAt), last.OrderID)
		})
	return answerJSON(Customer{customers[0], page}, in.IfNoneMatch, page.Next), nil
}
