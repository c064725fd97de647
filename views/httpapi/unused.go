package httpapi

import (
	"net"
	"net/http"
	"sync"
	"time"
)

// unusedFor is how long a connection without a request is left open when the server stops: a client that has
// just made it may be sending its first one.
const unusedFor = time.Second

// unused are the connections on which no request has begun. [http.Server.Shutdown] counts them as busy for
// 5 s (server.go, closeIdleConns), which is as long as a stop may take, and clients have such connections:
// net/http makes one ahead of need when all others are in use, and keeps it when another one is free first.
type unused struct {
	mu    sync.Mutex
	conns map[net.Conn]struct{}
}

// observe is a hook for [http.Server.ConnState].
func (u *unused) observe(c net.Conn, state http.ConnState) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if state != http.StateNew {
		delete(u.conns, c)
		return
	}
	if u.conns == nil {
		u.conns = make(map[net.Conn]struct{})
	}
	u.conns[c] = struct{}{}
}

// close closes them.
func (u *unused) close() {
	u.mu.Lock()
	defer u.mu.Unlock()
	for c := range u.conns {
		_ = c.Close() // nobody has sent anything
	}
}
