package aggregates

import (
	"context"
	"encoding/json"
	"iter"
	"time"

	"refold/client"
	"refold/console/frame"
)

// API is the HTTP API, as far as this part needs it. A *client.Client is one.
type API interface {
	Get(ctx context.Context, aggregate, id string, g client.Get) (*client.Row, error)
	List(ctx context.Context, aggregate, after string) iter.Seq2[*client.Row, error]
	EventPage(ctx context.Context, aggregate, id string, e client.Events) (*client.EventPage, error)
	Command(ctx context.Context, aggregate, id, commandID string, wait time.Duration) (*client.Command, error)
	Why(ctx context.Context, aggregate, id string, w client.Why) (*client.Reasons, error)
	Send(ctx context.Context, aggregate, id string, s client.Send) (*client.Command, error)
}

// Kind is a kind of aggregate.
type Kind struct {
	Name, Plural string
	// Money is that of values.Options.
	Money map[string]string
	// Meanings says of the codes that commands are rejected with what each means.
	Meanings map[string]string
	// Commands are those that may be sent.
	Commands []Command
}

// Command is a type of command.
type Command struct {
	Type    string
	Example json.RawMessage // its fields; nil: there is none
	shape   *shape
}

// pages are the pages about one kind of aggregate.
type pages struct {
	Kind

	api API
}

// Part returns the pages about all kinds of aggregates.
func Part(api API, kinds []Kind) frame.Part {
	return func(site *frame.Site) {
		for i, kind := range kinds {
			p := &pages{kind, api}
			list := frame.Path(kind.Plural)
			site.Tab(frame.Tab{Name: title(kind.Plural), Path: list, Order: frame.OrderAggregates + i})
			site.Handle("GET "+list, frame.Read, p.list)
			site.Handle("GET "+list+"/{id}", frame.Read, p.show)
			site.Handle("GET "+list+"/{id}/send", frame.Read, p.form)
			site.Handle("POST "+list+"/{id}/send", frame.Command, p.send)
		}
	}
}
