package proxy

import (
	"sync"
	"time"

	"github.com/Shopify/toxiproxy/v2/stream"
	"github.com/Shopify/toxiproxy/v2/toxics"
)

// gateType is the gate's name among toxiproxy's toxics.
const gateType = "gate"

func init() { toxics.Register(gateType, new(gate)) }

// passage is what a gate does with bytes.
type passage struct {
	// held: nothing passes until that changes; then all of it does, late, as a network sends again
	// what had no answer.
	held bool
	// torn: at the next bytes the connection breaks, and they are lost.
	torn bool
	// delay is how long bytes are under way.
	delay time.Duration
	// caught is closed when the first bytes are held; nil if nobody waits for that.
	caught chan struct{}
}

// gate is the toxic in one direction of a proxy, shared by all its connections. Toxiproxy makes it.
type gate struct {
	mu      sync.Mutex
	passage passage
	changed chan struct{} // closed at the next change; nil before anybody waits
}

// set changes what happens to all bytes from now on, those included that are held.
func (g *gate) set(p passage) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.passage = p
	if g.changed != nil {
		close(g.changed)
		g.changed = nil
	}
}

// now returns what to do with bytes, and what is closed when that changes.
func (g *gate) now() (passage, <-chan struct{}) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.changed == nil {
		g.changed = make(chan struct{})
	}
	return g.passage, g.changed
}

// tell closes caught, once: several connections may hold bytes.
func (g *gate) tell(caught chan struct{}) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.passage.caught == caught {
		g.passage.caught = nil
		close(caught)
	}
}

// Pipe moves the bytes of one connection until one of its sides is closed. It implements
// toxics.Toxic; nobody interrupts it, for toxics are neither added nor removed later.
func (g *gate) Pipe(stub *toxics.ToxicStub) {
	defer stub.Close()
	for chunk := range stub.Input {
		if !g.pass(chunk) {
			// The other side is told by toxiproxy when this one's socket is closed; what still
			// comes until then must find a reader.
			go func() {
				for range stub.Input {
					continue
				}
			}()
			return
		}
		stub.Output <- chunk
	}
}

// pass returns when the bytes may go on; false if they are lost, and the connection with them.
func (g *gate) pass(chunk *stream.StreamChunk) bool {
	for {
		p, changed := g.now()
		if p.torn {
			return false
		}
		if p.held && p.caught != nil {
			g.tell(p.caught)
		}
		var due <-chan time.Time // never
		if !p.held {
			rest := time.Until(chunk.Timestamp.Add(p.delay))
			if rest <= 0 {
				return true
			}
			due = time.After(rest)
		}
		select {
		case <-due:
		case <-changed:
		}
	}
}
