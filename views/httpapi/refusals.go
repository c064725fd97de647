package httpapi

import (
	"bytes"
	"fmt"
	"net"
	"net/http"
	"strconv"

	"refold/client/wire"
	"refold/views/httpapi/problem"
)

// problemListener accepts connections on which net/http's own refusals are problems, too.
type problemListener struct{ net.Listener }

// Accept waits for the next connection.
func (l problemListener) Accept() (net.Conn, error) {
	connection, err := l.Listener.Accept()
	if err != nil {
		return nil, err //nolint:wrapcheck // net/http looks at what it is
	}
	return problemConn{connection}, nil
}

// problemConn replaces the plain text with which net/http refuses what no handler gets to see: a
// request that isn't HTTP, or a header far beyond the limit. It writes such an answer at once and
// closes the connection. Should a later net/http write it in another way, it goes out as it is.
type problemConn struct{ net.Conn }

// refusal is what stands between the status line and the text of such an answer, and of no other:
// a handler's answers have a Date in between.
var refusal = []byte("\r\nContent-Type: text/plain; charset=utf-8\r\nConnection: close\r\n\r\n")

const maxRefusalBytes = 512

// Write writes an answer, or the problem in place of a refusal.
func (c problemConn) Write(b []byte) (int, error) {
	if len(b) <= maxRefusalBytes && bytes.HasPrefix(b, []byte("HTTP/1.1 ")) {
		if line, text, is := bytes.Cut(b, refusal); is && !bytes.Contains(line, []byte("\n")) {
			if _, err := c.Conn.Write(refused(line, text)); err != nil {
				return 0, err //nolint:wrapcheck // net/http's own writer
			}
			return len(b), nil
		}
	}
	return c.Conn.Write(b) //nolint:wrapcheck // net/http's own writer
}

// refused returns a whole answer with the status of the line "HTTP/1.1 400 Bad Request". The text
// may say more, as in "400 Bad Request: missing required Host header".
func refused(line, text []byte) []byte {
	status := http.StatusBadRequest
	if fields := bytes.Fields(line); len(fields) > 1 {
		if n, err := strconv.Atoi(string(fields[1])); err == nil {
			status = n
		}
	}
	p := problem.New(status, wire.CodeInvalid, "this is no HTTP request that can be understood, "+
		"or it did not arrive in time")
	if _, why, more := bytes.Cut(text, []byte(": ")); more {
		p = problem.New(status, wire.CodeInvalid, "the request is refused: %s", why)
	}
	if status == http.StatusRequestHeaderFieldsTooLarge {
		p = problem.New(status, wire.CodeHeaderTooLarge, "the header is far larger than allowed")
	}
	var body bytes.Buffer
	_ = problem.Encode(&body, p) // always nil
	return fmt.Appendf(nil, "HTTP/1.1 %d %s\r\nContent-Type: %s\r\nContent-Length: %d\r\n"+
		"Connection: close\r\n\r\n%s", status, http.StatusText(status), p.ContentType(""),
		body.Len(), body.Bytes())
}
