package proxy

import (
	"bufio"
	"fmt"
	"net"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// peers are a server that answers each line with the same line, a proxy in front of it, and what
// the server has heard.
type peers struct {
	*testing.T
	proxy *Proxy
	heard chan string
}

func start(t *testing.T) *peers {
	t.Helper()
	listener, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &peers{T: t, heard: make(chan string, 100)}
	go func() {
		for {
			connection, err := listener.Accept()
			if err != nil {
				return
			}
			go func() {
				defer func() { _ = connection.Close() }()
				for lines := bufio.NewScanner(connection); lines.Scan(); {
					p.heard <- lines.Text()
					fmt.Fprintln(connection, lines.Text())
				}
			}()
		}
	}()
	if p.proxy, err = Start("test", "127.0.0.1:0", listener.Addr().String()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		p.proxy.Close()
		listener.Close()
	})
	return p
}

// client is one connection through the proxy.
type client struct {
	*peers
	connection net.Conn
	lines      *bufio.Reader
}

func (p *peers) connect() *client {
	p.Helper()
	connection, err := new(net.Dialer).DialContext(p.Context(), "tcp", p.proxy.Address())
	if err != nil {
		p.Fatal(err)
	}
	p.Cleanup(func() { _ = connection.Close() })
	return &client{peers: p, connection: connection, lines: bufio.NewReader(connection)}
}

func (c *client) send(line string) { fmt.Fprintln(c.connection, line) }

func (c *client) receives(want string) {
	c.Helper()
	line, err := c.lines.ReadString('\n')
	if err != nil || line != want+"\n" {
		c.Fatalf("received %q, %v, expected %q", line, err, want)
	}
}

// receivesNothing waits a moment in which something could come, and shows that it is not the
// connection that is at an end.
func (c *client) receivesNothing() {
	c.Helper()
	_ = c.connection.SetReadDeadline(time.Now().Add(50 * time.Millisecond))
	line, err := c.lines.ReadString('\n')
	if timeout, is := err.(net.Error); !is || !timeout.Timeout() { //nolint:errorlint // as net gives it
		c.Fatalf("received %q, %v, expected silence", line, err)
	}
	_ = c.connection.SetReadDeadline(time.Time{})
}

func (p *peers) hears(want string) {
	p.Helper()
	if got := <-p.heard; got != want {
		p.Fatalf("the server heard %q, expected %q", got, want)
	}
}

func (p *peers) hasHeardNothing() {
	p.Helper()
	select {
	case got := <-p.heard:
		p.Fatalf("the server heard %q, expected silence", got)
	default:
	}
}

// What is cut is silent, also for those who connect meanwhile, and comes late.
func TestCut(t *testing.T) {
	p := start(t)
	c := p.connect()
	c.send("before")
	p.hears("before")
	c.receives("before")
	p.proxy.Cut()
	c.send("during")
	other := p.connect()
	other.send("other")
	c.receivesNothing()
	p.hasHeardNothing()
	p.proxy.Heal()
	c.receives("during")
	other.receives("other")
}

func TestCutRequests(t *testing.T) {
	p := start(t)
	c := p.connect()
	p.proxy.CutRequests()
	c.send("1")
	c.receivesNothing()
	p.hasHeardNothing()
	p.proxy.Heal()
	p.hears("1")
	c.receives("1")
}

func TestCutAnswers(t *testing.T) {
	p := start(t)
	c := p.connect()
	p.proxy.CutAnswers()
	c.send("1")
	p.hears("1")
	c.receivesNothing()
	p.proxy.Heal()
	c.receives("1")
}

// The request is done, and its sender learns nothing but that the connection is lost; the next one
// works when the path has healed.
func TestLoseAnswers(t *testing.T) {
	p := start(t)
	c := p.connect()
	p.proxy.LoseAnswers()
	c.send("1")
	p.hears("1")
	if line, err := c.lines.ReadString('\n'); err == nil {
		t.Fatalf("received %q", line)
	}
	p.proxy.Heal()
	c = p.connect()
	c.send("2")
	c.receives("2")
}

func TestBreak(t *testing.T) {
	p := start(t)
	p.proxy.Break()
	c := p.connect()
	c.send("1")
	if line, err := c.lines.ReadString('\n'); err == nil {
		t.Fatalf("received %q", line)
	}
	p.hasHeardNothing()
}

func TestDelay(t *testing.T) {
	const each = 40 * time.Millisecond
	p := start(t)
	p.proxy.Delay(each)
	c := p.connect()
	begin := time.Now()
	c.send("1")
	c.receives("1")
	if took := time.Since(begin); took < 2*each {
		t.Errorf("there and back took %v, at least %v is expected", took, 2*each)
	}
}

// The answer is on its way when its sender dies: nobody gets it.
func TestCatchAnswer(t *testing.T) {
	p := start(t)
	caught := p.proxy.CatchAnswer()
	c, other := p.connect(), p.connect()
	c.send("1")
	other.send("2")
	<-caught
	<-p.heard
	<-p.heard
	c.receivesNothing()
	p.proxy.LoseAnswers()
	if line, err := c.lines.ReadString('\n'); err == nil {
		t.Fatalf("received %q", line)
	}
	p.proxy.Heal()
	c = p.connect()
	c.send("3")
	c.receives("3")
}

// A path that refuses can be opened again, at the same address.
func TestRefuse(t *testing.T) {
	p := start(t)
	c := p.connect()
	p.proxy.Cut()
	c.send("held")
	for range 2 {
		p.proxy.Refuse()
		p.proxy.Refuse()
		if line, err := c.lines.ReadString('\n'); err == nil {
			t.Fatalf("received %q", line)
		}
		if connection, err := new(net.Dialer).DialContext(t.Context(), "tcp", p.proxy.Address()); err == nil {
			_ = connection.Close()
			t.Fatal("a connection was accepted")
		}
		for range 2 {
			if err := p.proxy.Accept(); err != nil {
				t.Fatal(err)
			}
		}
		c = p.connect()
		c.send("again")
		c.receives("again")
	}
}
