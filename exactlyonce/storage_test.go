package exactlyonce

import (
	"errors"
	"fmt"
	"reflect"
	"testing"
	"time"

	"github.com/lovoo/goka/storage"
	"github.com/twmb/franz-go/pkg/kgo"

	"refold/kafka"
)

// noted is a table that only notes what the engine asks of it.
type noted struct {
	storage.Storage
	calls []string
	rows  map[string][]byte
	err   error
}

func (n *noted) Seal() map[string][]byte { return n.rows }
func (n *noted) Discard()                { n.calls = append(n.calls, "discard") }

func (n *noted) Commit(next int64) error {
	n.calls = append(n.calls, fmt.Sprint("commit ", next))
	return n.err
}

// Set and Delete note nothing: tests look at what is counted.
func (n *noted) Set(string, []byte) error { return nil }
func (n *noted) Delete(string) error      { return nil }

func (n *noted) Close() error {
	n.calls = append(n.calls, "close")
	return nil
}

// sealed is a session with one table, and the layer of a batch whose rows got offsets 7 and 8.
func sealed(t *testing.T, table *noted) (*session, *sessionTable, []layer) {
	t.Helper()
	table.rows = map[string][]byte{"a": []byte("1"), "b": nil}
	s := &session{tables: make(map[*sessionTable]struct{})}
	staged := s.adopt(&sessionTable{
		StagedTable: table, session: s, at: kafka.TopicPartition{Topic: "table"},
	})
	layers := s.seal(time.Now(), map[string][]kgo.RecordHeader{})
	if len(layers) != 1 {
		t.Fatalf("%d layers", len(layers))
	}
	layers[0].make()
	for i := range layers[0].records {
		layers[0].records[i].Offset = int64(7 + i)
	}
	return s, staged, layers
}

func expectCalls(t *testing.T, table *noted, want ...string) {
	t.Helper()
	if !reflect.DeepEqual(table.calls, want) {
		t.Errorf("the table was asked to %q, want %q", table.calls, want)
	}
}

// A store learns the offset after its last row, not the end of the transaction: it must never be
// ahead of what it holds (G6).
func TestCommittedLayers(t *testing.T) {
	table := new(noted)
	s, _, layers := sealed(t, table)
	if err := s.commitLayers(layers); err != nil {
		t.Error(err)
	}
	expectCalls(t, table, "commit 9")
}

// A transaction that lands after its session was given up commits nothing to a store that is being
// closed, or that another session has opened: that store reads the rows from the topic.
func TestLayersAfterTheSession(t *testing.T) {
	table := new(noted)
	s, _, layers := sealed(t, table)
	s.released = true
	if err := s.commitLayers(layers); err != nil {
		t.Error(err)
	}
	expectCalls(t, table)
}

// A store that is closed keeps nothing that was not committed, and is asked for no more layers.
func TestCloseDiscards(t *testing.T) {
	table := new(noted)
	s, staged, _ := sealed(t, table)
	if err := staged.Close(); err != nil {
		t.Error(err)
	}
	expectCalls(t, table, "discard", "close")
	if layers := s.seal(time.Now(), nil); len(layers) != 0 {
		t.Errorf("%d layers of a closed table", len(layers))
	}
}

// What a store can't commit is said with its name; the engine then opens it anew.
func TestLayersThatFail(t *testing.T) {
	table := &noted{err: errors.New("disk full")}
	s, _, layers := sealed(t, table)
	if err := s.commitLayers(layers); err == nil || !errors.Is(err, table.err) {
		t.Errorf("the error is %v", err)
	}
}
