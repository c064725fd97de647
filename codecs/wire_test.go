package codecs_test

import (
	"bytes"
	"errors"
	"testing"

	"refold/codecs"
)

// reason returns the reason of the poison that err must be.
func reason(tb testing.TB, err error) codecs.Reason {
	tb.Helper()
	poison, is := errors.AsType[*codecs.Malformed](err)
	if !is {
		tb.Fatalf("got the error %v, want a *Malformed", err)
	}
	return poison.Reason
}

func TestSplitWire(t *testing.T) {
	id, data, err := codecs.SplitWire([]byte{0, 0, 1, 2, 3, 'd', 'a'})
	if err != nil || id != (codecs.SchemaID{Number: 0x010203}) || string(data) != "da" {
		t.Fatalf("got %v, %q, %v", id, data, err)
	}
	guid := append([]byte{1}, "0123456789abcdef"...)
	id, data, err = codecs.SplitWire(append(guid, "da"...))
	if err != nil || string(id.GUID[:]) != "0123456789abcdef" || string(data) != "da" {
		t.Fatalf("got %v, %q, %v", id, data, err)
	}
	for name, b := range map[string][]byte{
		"nothing":            nil,
		"header cut short":   {0, 0, 0, 1},
		"another magic":      {2, 0, 0, 0, 1, 'd'},
		"GUID cut short":     append([]byte{1}, "0123456789abcde"...),
		"no GUID":            append([]byte{1}, make([]byte, 16)...),
		"JSON":               []byte(`{"amount": 5}`),
		"a negative ID":      {0, 0x80, 0, 0, 0, 'd'},
		"the largest number": {0, 0xff, 0xff, 0xff, 0xff},
	} {
		t.Run(name, func(t *testing.T) {
			_, _, err := codecs.SplitWire(b)
			if got := reason(t, err); got != codecs.ReasonNotWireFormat {
				t.Errorf("reason is %s", got)
			}
			if poison, _ := errors.AsType[*codecs.Malformed](err); !bytes.Equal(poison.Bytes, b) {
				t.Errorf("bytes are %x, want %x", poison.Bytes, b)
			}
		})
	}
}

func FuzzSplitWire(f *testing.F) {
	f.Add([]byte{})
	f.Add([]byte{0, 0, 0, 0, 1})
	f.Add([]byte{0, 0x7f, 0xff, 0xff, 0xff, 1})
	f.Add([]byte{1, 0, 0, 0, 1, 2})
	f.Add([]byte("\x010123456789abcdefdata"))
	f.Fuzz(func(t *testing.T, b []byte) {
		id, data, err := codecs.SplitWire(b)
		if err != nil {
			if reason(t, err) != codecs.ReasonNotWireFormat {
				t.Fatal(err)
			}
			return
		}
		back := append(codecs.AppendWireHeader(nil, id.Number), data...)
		if id.HasGUID() {
			back = append(append([]byte{1}, id.GUID[:]...), data...)
		}
		if !bytes.Equal(back, b) {
			t.Fatalf("%x comes back as %x", b, back)
		}
	})
}
