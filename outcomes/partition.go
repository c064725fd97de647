package outcomes

import "sync"

// partition knows which outcomes of a partition are not committed, and how far its results are known. It is
// safe for concurrent use.
type partition struct {
	mu sync.Mutex
	// open are the commands of the open layer, sealed those of the layers whose transactions are not
	// committed yet, the oldest first.
	open   []key
	sealed [][]key
	// next is the offset in the results topic before which nothing is missing, unknown if nothing was read.
	// promoted says that a layer was committed since the last transaction was told.
	next     int64
	promoted bool
}

// unknown is the offset of a partition of which nothing was read.
const unknown = -1

// added notes a command of the open layer.
func (p *partition) added(k key) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.open = append(p.open, k)
}

// seal closes the open layer.
func (p *partition) seal() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.sealed = append(p.sealed, p.open)
	p.open = nil
}

// commit makes the oldest sealed layer one that stays.
func (p *partition) commit() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.promoted = true
	if len(p.sealed) > 0 {
		p.sealed = p.sealed[1:]
	}
}

// discard returns the commands of all layers that are not committed, and forgets these layers.
func (p *partition) discard() (keys []key) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, layer := range p.sealed {
		keys = append(keys, layer...)
	}
	keys = append(keys, p.open...)
	p.open, p.sealed = nil, nil
	return keys
}

// written moves next behind the results of the transaction whose layer was committed last. If its layer was
// discarded, because the session had ended, the results are read when the partition comes back.
func (p *partition) written(next int64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.promoted && p.next != unknown {
		p.next = max(p.next, next)
	}
}

// told ends what commit has begun.
func (p *partition) told() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.promoted = false
}

// position returns next.
func (p *partition) position() int64 {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.next
}

// read sets next to where the topic was read to.
func (p *partition) read(next int64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.next = next
}
