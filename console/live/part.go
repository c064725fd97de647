package live

import (
	"context"
	"iter"
	"time"

	"refold/client"
	"refold/console/frame"
)

// API is the HTTP API, as far as this part needs it. A *client.Client is one.
type API interface {
	Listen(ctx context.Context, l client.Listen) iter.Seq2[*client.Item, error]
}

// Kind is a kind of aggregate.
type Kind struct {
	Name, Plural string
	// Money is that of values.Options.
	Money map[string]string
}

// Options says how much is shown. Zero fields take their default.
type Options struct {
	// Every is how often the page is told what came; 500 ms. Rows are the most that it is told of at once;
	// 10, so that twenty a second are shown: nobody reads more. The rest is counted.
	Every time.Duration
	Rows  int
	// Look is how long a page listens that is made at once, and how long a step waits; 1.5 s.
	Look time.Duration
	// ExportLines and ExportTime limit an export; 10,000 lines, and 30 s: a request may take no longer.
	ExportLines int
	ExportTime  time.Duration
}

func (o *Options) complete() {
	def(&o.Every, 500*time.Millisecond)
	def(&o.Rows, 10)
	def(&o.Look, 1500*time.Millisecond)
	def(&o.ExportLines, 10_000)
	def(&o.ExportTime, 30*time.Second)
}

func def[T comparable](value *T, byDefault T) {
	var zero T
	if *value == zero {
		*value = byDefault
	}
}

type pages struct {
	Options

	api    API
	kinds  []Kind
	byName map[string]Kind
}

// Part returns the pages about what happens now.
func Part(api API, kinds []Kind, o Options) frame.Part {
	return func(site *frame.Site) {
		o.complete()
		l := &pages{o, api, kinds, make(map[string]Kind, len(kinds))}
		for _, k := range kinds {
			l.byName[k.Name] = k
		}
		path := frame.Path("live")
		site.Tab(frame.Tab{Name: "Live", Path: path, Order: frame.OrderLive})
		site.Handle("GET "+path, frame.Read, l.show)
		site.Handle("GET "+path+"/step", frame.Read, l.step)
		site.Handle("GET "+path+"/controls", frame.Read, l.controls)
		site.Handle("GET "+path+"/export", frame.Read, l.export)
		site.Stream("GET "+path+"/stream", frame.Read, l.stream)
	}
}
