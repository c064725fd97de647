package proxy

import (
	"fmt"
	"strings"
	"sync"
	"time"

	toxiproxy "github.com/Shopify/toxiproxy/v2"
	"github.com/Shopify/toxiproxy/v2/stream"
	"github.com/rs/zerolog"
)

// Proxy is a path from clients to one server. Its methods may be called by anybody at any time.
type Proxy struct {
	toxi              *toxiproxy.Proxy
	requests, answers *gate
	address           string

	mu      sync.Mutex // of Refuse and Accept
	refuses bool
}

// Start makes a proxy that listens on an address for a server at another one, which need not be
// there yet. An address with port 0 takes a free one.
func Start(name, listen, server string) (*Proxy, error) {
	api := toxiproxy.NewServer(toxiproxy.NewMetricsContainer(nil), zerolog.Nop()) // never listens
	p := &Proxy{toxi: toxiproxy.NewProxy(api, name, listen, server)}
	var err error
	if p.requests, err = p.addGate(stream.Upstream); err != nil {
		return nil, err
	}
	if p.answers, err = p.addGate(stream.Downstream); err != nil {
		return nil, err
	}
	if err := p.toxi.Start(); err != nil {
		return nil, fmt.Errorf("listening on %s for %s: %w", listen, name, err)
	}
	p.address = p.toxi.Listen
	return p, nil
}

func (p *Proxy) addGate(direction stream.Direction) (*gate, error) {
	description := fmt.Sprintf(`{"type": %q, "stream": %q}`, gateType, direction)
	wrapper, err := p.toxi.Toxics.AddToxicJson(strings.NewReader(description))
	if err != nil {
		return nil, fmt.Errorf("adding a gate: %w", err)
	}
	return wrapper.Toxic.(*gate), nil
}

// Address is where the proxy listens.
func (p *Proxy) Address() string { return p.address }

// Cut lets nothing through in either direction. What is sent meanwhile arrives late, when the path
// heals, unless the sender gives up the connection before that.
func (p *Proxy) Cut() {
	p.requests.set(passage{held: true})
	p.answers.set(passage{held: true})
}

// CutRequests lets no request through; answers to earlier ones come.
func (p *Proxy) CutRequests() { p.requests.set(passage{held: true}) }

// CutAnswers lets requests through and no answer.
func (p *Proxy) CutAnswers() { p.answers.set(passage{held: true}) }

// CatchAnswer lets requests through and no answer, as CutAnswers, and returns a channel that is closed when
// the first answer is held.
func (p *Proxy) CatchAnswer() <-chan struct{} {
	caught := make(chan struct{})
	p.answers.set(passage{held: true, caught: caught})
	return caught
}

// LoseAnswers lets requests through, and breaks each connection when its next answer comes: the
// request was done, and the client doesn't learn it.
func (p *Proxy) LoseAnswers() { p.answers.set(passage{torn: true}) }

// Delay makes requests and answers take as much longer each.
func (p *Proxy) Delay(each time.Duration) {
	p.requests.set(passage{delay: each})
	p.answers.set(passage{delay: each})
}

// Break breaks each connection, also new ones, when something is sent on it: the server is down, as
// far as clients can see.
func (p *Proxy) Break() {
	p.requests.set(passage{torn: true})
	p.answers.set(passage{torn: true})
}

// Refuse breaks all connections and refuses new ones, until Accept: nobody listens at the address.
func (p *Proxy) Refuse() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.refuses {
		p.Break() // else bytes that are held would keep their connections
		p.toxi.Stop()
		p.refuses = true
	}
}

// Accept heals the path, and ends Refuse. The error says that another process has taken the address.
func (p *Proxy) Accept() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.Heal()
	if !p.refuses {
		return nil
	}
	if err := p.toxi.Start(); err != nil {
		return fmt.Errorf("listening on %s again: %w", p.address, err)
	}
	p.refuses = false
	return nil
}

// Heal ends whatever was done to the path, but for Refuse.
func (p *Proxy) Heal() {
	p.requests.set(passage{})
	p.answers.set(passage{})
}

// Close ends all connections, and the proxy.
func (p *Proxy) Close() { p.Refuse() }
