package exactlyonce_test

import (
	"encoding/binary"
	"errors"
	"net"
	"sync"
)

// wire stands between the embedded brokers and their clients. It understands just enough of the
// protocol to lose the answer to a request, to lose the request itself, or to hold a client still,
// as a broken network or a stopped process would.
type wire struct {
	mu     sync.Mutex
	change *sync.Cond
	frozen map[string]bool // by client ID
	dead   map[string]bool
	held   map[request]bool
	seen   map[request]int // requests that came, held back or not
	losses []*loss
}

// request is a kind of request of one client.
type request struct {
	client string
	key    int16
}

// loss is a number of requests, or of their answers, that get lost, each with its connection.
type loss struct {
	client   string
	key      int16
	answer   bool // the answer, after the broker has done the work
	left     int
	happened int
}

func newWire() *wire {
	w := &wire{
		frozen: make(map[string]bool), dead: make(map[string]bool),
		held: make(map[request]bool), seen: make(map[request]int),
	}
	w.change = sync.NewCond(&w.mu)
	return w
}

// listen is for kfake.ListenFn.
func (w *wire) listen(network, address string) (net.Listener, error) {
	l, err := net.Listen(network, address)
	return &tapped{l, w}, err
}

// lose makes the next n requests of this kind from this client, or their answers, get lost.
func (w *wire) lose(client string, key int16, answer bool, n int) *loss {
	w.mu.Lock()
	defer w.mu.Unlock()
	l := &loss{client: client, key: key, answer: answer, left: n}
	w.losses = append(w.losses, l)
	return l
}

func (w *wire) happened(l *loss) int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return l.happened
}

func (w *wire) stopLosing(l *loss) {
	w.mu.Lock()
	defer w.mu.Unlock()
	l.left = 0
}

// freeze holds still what the client sends, until thaw.
func (w *wire) freeze(client string) { w.set(client, true) }
func (w *wire) thaw(client string)   { w.set(client, false) }

// hold keeps requests of one kind back, and what comes behind them on the same connection, until
// letPass.
func (w *wire) hold(client string, key int16)    { w.setHeld(request{client, key}, true) }
func (w *wire) letPass(client string, key int16) { w.setHeld(request{client, key}, false) }

func (w *wire) setHeld(r request, is bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.held[r] = is
	w.change.Broadcast()
}

// count is how many requests of one kind came from the client.
func (w *wire) count(client string, key int16) int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.seen[request{client, key}]
}

// cutOff breaks the connections of a client, until mend.
func (w *wire) cutOff(client string) { w.setDead(client, true) }
func (w *wire) mend(client string)   { w.setDead(client, false) }

func (w *wire) setDead(client string, dead bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.dead[client] = dead
	w.change.Broadcast()
}

func (w *wire) set(client string, frozen bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.frozen[client] = frozen
	w.change.Broadcast()
}

// lost reports whether this request, or its answer, is to get lost.
func (w *wire) lost(client string, key int16, answer bool) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	if !answer {
		w.seen[request{client, key}]++
	}
	if w.dead[client] {
		return true
	}
	for _, l := range w.losses {
		if l.left > 0 && l.client == client && l.key == key && l.answer == answer {
			l.left--
			l.happened++
			return true
		}
	}
	return false
}

type tapped struct {
	net.Listener
	wire *wire
}

func (l *tapped) Accept() (net.Conn, error) {
	conn, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return &tap{Conn: conn, wire: l.wire, keys: make(map[int32]int16)}, nil
}

// tap is one connection, as the broker sees it.
type tap struct {
	net.Conn
	wire    *wire
	in, out []byte // frames that are not complete yet

	mu     sync.Mutex
	client string
	keys   map[int32]int16 // of requests that wait for their answer, by correlation ID
	closed bool
}

var errLost = errors.New("lost on the wire")

func (t *tap) Read(p []byte) (int, error) {
	n, err := t.Conn.Read(p)
	t.in = append(t.in, p[:n]...)
	for frame := cut(&t.in); frame != nil; frame = cut(&t.in) {
		key := int16(binary.BigEndian.Uint16(frame))
		id := int32(binary.BigEndian.Uint32(frame[4:]))
		length := int16(binary.BigEndian.Uint16(frame[8:]))
		t.mu.Lock()
		t.keys[id] = key
		if length > 0 {
			t.client = string(frame[10 : 10+length])
		}
		client := t.client
		t.mu.Unlock()
		if t.wire.lost(client, key, false) {
			_ = t.Close()
			return 0, errLost
		}
		t.waitWhile(func() bool { return t.wire.held[request{client, key}] })
	}
	t.mu.Lock()
	client := t.client
	t.mu.Unlock()
	t.waitWhile(func() bool { return t.wire.frozen[client] })
	return n, err
}

// waitWhile holds the client's bytes back.
func (t *tap) waitWhile(held func() bool) {
	t.wire.mu.Lock()
	defer t.wire.mu.Unlock()
	for held() && !t.isClosed() {
		t.wire.change.Wait()
	}
}

func (t *tap) Write(p []byte) (int, error) {
	t.out = append(t.out, p...)
	for frame := cut(&t.out); frame != nil; frame = cut(&t.out) {
		id := int32(binary.BigEndian.Uint32(frame))
		t.mu.Lock()
		key, client := t.keys[id], t.client
		delete(t.keys, id)
		t.mu.Unlock()
		if t.wire.lost(client, key, true) {
			_ = t.Close()
			return 0, errLost
		}
	}
	return t.Conn.Write(p)
}

func (t *tap) isClosed() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.closed
}

func (t *tap) Close() error {
	t.mu.Lock()
	t.closed = true
	t.mu.Unlock()
	t.wire.change.Broadcast()
	return t.Conn.Close()
}

// cut takes a complete frame off the front, without its length.
func cut(b *[]byte) []byte {
	if len(*b) < 4 {
		return nil
	}
	size := int(binary.BigEndian.Uint32(*b))
	if len(*b) < 4+size {
		return nil
	}
	frame := (*b)[4 : 4+size]
	*b = (*b)[4+size:]
	return frame
}
