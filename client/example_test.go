package client_test

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"refold/client"
	"refold/client/wire"
)

// account is what this program needs of an account's state.
type account struct {
	Balance int64 `json:"balance"`
}

// A command is sent, its outcome awaited, and the state read that is at least as new.
func Example() {
	ctx := context.Background()
	c, err := client.New([]string{"http://localhost:8080"}, client.Options{})
	if err != nil {
		fmt.Println(err)
		return
	}
	command, err := c.Send(ctx, "accounts", "alice", client.Send{
		Type: "DepositMoney", Data: json.RawMessage(`{"amount": 500, "currency": "EUR"}`),
		Wait: 5 * time.Second,
	})
	switch {
	case err != nil: // client.IsRetriable says whether to send it again, under an ID of one's own
		fmt.Println(err)
		return
	case command.Status == wire.StatusRejected:
		fmt.Println(command.Code, command.Message)
	}
	row, err := c.Get(ctx, "accounts", "alice", client.Get{
		AtLeast: command.LastSequence, Wait: 5 * time.Second,
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	state, err := client.State[account](row)
	fmt.Println(state.Balance, err)
}

// What happens is seen as it happens, also when a worker is replaced meanwhile.
func ExampleClient_Listen() {
	c, err := client.New([]string{"http://a:8080", "http://b:8080"}, client.Options{})
	if err != nil {
		fmt.Println(err)
		return
	}
	for item, err := range c.Listen(context.Background(), client.Listen{Kinds: []wire.Kind{wire.KindEvent}}) {
		switch {
		case err != nil:
			fmt.Println(err)
		case item.Missed != nil:
			fmt.Println("missed", item.Missed.Records)
		default:
			fmt.Println(item.Message.Type, item.Message.Subject)
		}
	}
}
