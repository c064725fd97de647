package simulate_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"sync"
	"time"
)

// wire is how a process reaches the brokers. It counts the requests that leave the process, and has
// somebody say what becomes of each.
type wire struct {
	dial func(ctx context.Context, network, address string) (net.Conn, error)
	work *sync.WaitGroup // what is under way
	// refuses is how long it takes to find that nobody is reached. It must not be nothing, for the reason of
	// fate.takes, but where Sarama makes connections: it does with a mutex in hand.
	refuses time.Duration
	// fate is asked about every request, when it leaves.
	fate func(key int16) fate

	mu    sync.Mutex
	away  time.Time // until when nobody is reached
	dead  bool      // the process is
	conns map[*conn]struct{}
}

// fate is what becomes of a request.
type fate struct {
	// takes is how long it is on its way, and its answer, too. It must never be nothing: a client that
	// asks again and again until time has passed would ask for ever.
	takes      time.Duration
	lost       bool          // it does not arrive, and its connection breaks
	answerLost bool          // it is done, and the connection breaks
	held       time.Duration // it arrives later, and so does all behind it
	then       func()        // is called when it has arrived
	answered   func()        // is called when the answer comes, before the process sees it
}

var errCut = errors.New("cut off")

// Dial makes a connection that behaves as TCP does: what was sent arrives, even if the sender has
// gone meanwhile.
func (w *wire) Dial(ctx context.Context, network, address string) (net.Conn, error) {
	w.mu.Lock()
	away := w.dead || time.Now().Before(w.away)
	w.mu.Unlock()
	if away {
		passes(ctx, w.refuses)
		return nil, errCut
	}
	broker, err := w.dial(ctx, network, address)
	if err != nil {
		return nil, err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.dead || time.Now().Before(w.away) {
		return nil, errors.Join(errCut, broker.Close())
	}
	outside, inside := net.Pipe()
	c := &conn{
		wire: w, client: inside, broker: broker, answers: make(map[int32]fate),
		sent: make(chan []byte, sentBuffer),
	}
	w.conns[c] = struct{}{}
	w.work.Go(c.take)
	w.work.Go(c.send)
	w.work.Go(c.receive)
	return outside, nil
}

// sentBuffer is how many requests may be under way on a connection; clients have few.
const sentBuffer = 1000

// kill breaks all connections, and there will be no more.
func (w *wire) kill() {
	w.mu.Lock()
	w.dead = true
	w.mu.Unlock()
	w.hangUp(time.Time{})
}

// hangUp breaks all connections, and there will be none until some time.
func (w *wire) hangUp(until time.Time) {
	w.mu.Lock()
	w.away = until
	conns := w.conns
	w.conns = make(map[*conn]struct{})
	w.mu.Unlock()
	for c := range conns {
		c.close()
	}
}

// conn is a connection in three goroutines: what takes requests from the client, what sends them to
// the broker, and what takes answers back.
type conn struct {
	wire           *wire
	client, broker net.Conn
	sent           chan []byte

	mu      sync.Mutex
	answers map[int32]fate // of requests under way, by correlation ID
	once    sync.Once
}

// close breaks a connection. The broker notices later, as of one that is cut: kfake would keep who waits
// to join a group on a connection that it knows to be closed as a member for ever.
func (c *conn) close() {
	_ = c.client.Close() // a pipe's never fails
	c.once.Do(func() {
		c.wire.work.Go(func() {
			<-time.After(sessionTimeout)
			_ = c.broker.Close()
		})
	})
	c.wire.mu.Lock()
	defer c.wire.mu.Unlock()
	delete(c.wire.conns, c)
}

func (c *conn) take() {
	defer close(c.sent)
	for {
		frame, err := readFrame(c.client)
		if err != nil {
			return
		}
		c.sent <- frame
	}
}

func (c *conn) send() {
	defer c.close()
	// Sarama waits for answers with a mutex in hand, on which time in the bubble can't wait. It does not
	// take part in transactions.
	prompt, first := false, true
	for frame := range c.sent {
		if first {
			prompt, first = bytes.Contains(frame, []byte("sarama")), false // it introduces itself
		}
		key := int16(binary.BigEndian.Uint16(frame[4:]))
		id := int32(binary.BigEndian.Uint32(frame[8:]))
		f := c.wire.fate(key)
		if prompt {
			f.takes = 0
		}
		<-time.After(f.takes + f.held)
		if f.lost {
			return
		}
		c.mu.Lock()
		c.answers[id] = f
		c.mu.Unlock()
		if _, err := c.broker.Write(frame); err != nil {
			return
		}
		if f.then != nil {
			f.then()
		}
	}
}

func (c *conn) receive() {
	defer c.close()
	for {
		frame, err := readFrame(c.broker)
		if err != nil {
			return
		}
		id := int32(binary.BigEndian.Uint32(frame[4:]))
		c.mu.Lock()
		f := c.answers[id]
		delete(c.answers, id)
		c.mu.Unlock()
		<-time.After(f.takes)
		if f.answered != nil {
			f.answered()
		}
		if f.answerLost {
			return
		}
		_, _ = c.client.Write(frame) // who has gone gets no answer; what was sent counts
	}
}

// readFrame reads a request or an answer, with its length in front.
func readFrame(from io.Reader) ([]byte, error) {
	var length [4]byte
	if _, err := io.ReadFull(from, length[:]); err != nil {
		return nil, err
	}
	frame := make([]byte, 4+binary.BigEndian.Uint32(length[:]))
	copy(frame, length[:])
	_, err := io.ReadFull(from, frame[4:])
	return frame, err
}
