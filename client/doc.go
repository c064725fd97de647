// Package client talks to the HTTP API of workers.
//
//	c, err := client.New([]string{"http://localhost:8080"}, client.Options{})
//	command, err := c.Send(ctx, "accounts", "alice", client.Send{
//		Type: "DepositMoney", Data: json.RawMessage(`{"amount": 500, "currency": "EUR"}`),
//		Wait: 5 * time.Second,
//	})
//	row, err := c.Get(ctx, "accounts", "alice", client.Get{
//		AtLeast: command.LastSequence, Wait: 5 * time.Second,
//	})
//	account, err := client.State[Account](row)
//
// Aggregates are named in the plural, as in paths. Answers are the structs of package wire. An error that a
// worker answers with is a [*Problem], whose code says what is wrong; that no worker answers is an
// [*UnavailableError]. [IsRetriable] reports whether it makes sense to ask again.
//
// A client of several workers asks them in turns. One that can't be reached is left alone for a moment, and
// the next one is asked if that is safe: reading is, and so is sending a command again under its ID.
package client
