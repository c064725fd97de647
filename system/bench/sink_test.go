//go:build system

package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"refold/readmodels"
)

// The sink and COPY write what the projection writes: the same columns, under the same key.
func TestSinkHasTheColumnsOfTheProjection(t *testing.T) {
	const folder = "../../" + sinkFolder
	connector, err := sinkFile(folder, "connector.properties")
	if err != nil {
		t.Fatal(err)
	}
	made, err := sinkFile(folder, "table.sql")
	if err != nil {
		t.Fatal(err)
	}
	table := readmodels.StatementLines
	var columns, keys []string
	for _, c := range table.Columns {
		columns = append(columns, c.Name)
		if c.Key {
			keys = append(keys, c.Name)
		}
	}
	properties := make(map[string]string)
	for line := range strings.Lines(strings.ReplaceAll(connector, "\\\n", "")) {
		name, value, _ := strings.Cut(strings.TrimSpace(line), "=")
		properties[name] = value
	}
	var schema struct{ Fields []struct{ Field string } }
	if err := json.Unmarshal([]byte(properties["value.converter.schema.content"]), &schema); err != nil {
		t.Fatal(err)
	}
	var fields []string
	for _, f := range schema.Fields {
		fields = append(fields, f.Field)
		if !strings.Contains(made, f.Field+" ") {
			t.Errorf("the table lacks %s", f.Field)
		}
	}
	if diff := cmp.Diff(columns, fields); diff != "" {
		t.Error(diff)
	}
	if key := strings.Join(keys, ","); properties["primary.key.fields"] != key ||
		!strings.Contains(made, "PRIMARY KEY ("+strings.Join(keys, ", ")+")") {
		t.Errorf("the key is not %s", key)
	}
}

// A row goes to the sink and to COPY with all its values.
func TestRowsForSinkAndCopy(t *testing.T) {
	line := readmodels.StatementLine{
		AccountID: "alice", Sequence: 2, Month: "2026-01", BookedAt: time.UnixMilli(1_769_000_000_123).UTC(),
		Kind: readmodels.Payment, Text: "Payment", Reference: "order-1", Amount: -5, Currency: "EUR",
		Balance: 7,
	}
	var text strings.Builder
	if err := writeLine(&text, line); err != nil {
		t.Fatal(err)
	}
	const want = "alice\t2\t2026-01\t2026-01-21T12:53:20.123Z\tpayment\tPayment\torder-1\t-5\tEUR\t7\n"
	if text.String() != want {
		t.Errorf("%q, want %q", text.String(), want)
	}
	value, err := json.Marshal(rowOf(line))
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range readmodels.StatementLines.Columns {
		if !strings.Contains(string(value), `"`+c.Name+`":`) {
			t.Errorf("%s lacks %s", value, c.Name)
		}
	}
}

// Chunks end behind whole lines, whatever fits into a read.
func TestChunks(t *testing.T) {
	c := &chunks{from: bufio.NewReader(strings.NewReader("one\ntwo\nthree\nfour\n"))}
	var all []string
	for _, lines := range []int{3, 1, 1} {
		c.left = lines
		var text []byte
		for buffer := make([]byte, 6); ; {
			n, err := c.Read(buffer)
			text = append(text, buffer[:n]...)
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				t.Fatal(err)
			}
		}
		all = append(all, string(text))
	}
	if want := []string{"one\ntwo\nthree\n", "four\n", ""}; !slices.Equal(all, want) {
		t.Errorf("%q, want %q", all, want)
	}
}
