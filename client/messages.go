package client

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"strconv"
	"time"
)

// place is where in a stream of server-sent events a client is.
type place struct {
	id    string        // to go on from
	retry time.Duration // how long to wait before that
}

// message is one of a stream.
type message struct {
	event string
	id    string // its place
	data  []byte
}

// messages reads server-sent events.
type messages struct {
	lines *bufio.Reader
	place *place
}

// maxLineBytes limits a line: a record of Kafka's and what JSON makes of it.
const maxLineBytes = 16 << 20

var errLongLine = errors.New("a line of the stream is longer than 16 MiB; is it a worker's?")

func newMessages(r io.Reader, at *place) *messages {
	return &messages{bufio.NewReader(r), at}
}

// next returns the next message that has data. alive is called for each line, comments included.
func (r *messages) next(alive func()) (*message, error) {
	var m message
	id := r.place.id
	for {
		line, err := r.line()
		if err != nil {
			return nil, err // what is not whole does not count, its id neither
		}
		alive()
		name, value, _ := bytes.Cut(line, []byte(":"))
		value = bytes.TrimPrefix(value, []byte(" "))
		switch string(name) {
		case "event":
			m.event = string(value)
		case "id":
			id = string(value)
		case "data":
			if m.data != nil {
				m.data = append(m.data, '\n')
			}
			m.data = append(m.data, value...)
		case "retry":
			if ms, err := strconv.Atoi(string(value)); err == nil && ms >= 0 {
				r.place.retry = time.Duration(ms) * time.Millisecond
			}
		case "":
			if len(line) > 0 {
				continue // a comment
			}
			r.place.id = id
			if m.data != nil {
				m.id = id
				return &m, nil
			}
			m = message{}
		}
	}
}

// line returns a line without its end.
func (r *messages) line() ([]byte, error) {
	var line []byte
	for {
		part, err := r.lines.ReadSlice('\n')
		line = append(line, part...)
		switch {
		case errors.Is(err, bufio.ErrBufferFull) && len(line) < maxLineBytes:
			continue
		case errors.Is(err, bufio.ErrBufferFull):
			return nil, errLongLine
		case err != nil:
			return nil, fmt.Errorf("read the stream: %w", err)
		}
		return bytes.TrimRight(line, "\r\n"), nil
	}
}
