package kafka_test

import (
	"bytes"
	"testing"

	"refold/kafka"
)

// CutTold returns what AppendTold was given, and takes all other user data for data.
func FuzzTold(f *testing.F) {
	f.Add([]byte(`{"worker":"a"}`), []byte("more"))
	f.Add([]byte(nil), []byte(nil))
	f.Add([]byte("\x00told\xff"), []byte("\x00told"))
	f.Fuzz(func(t *testing.T, data, more []byte) {
		gotData, gotMore := kafka.CutTold(kafka.AppendTold(nil, data, more))
		if !bytes.Equal(gotData, data) || !bytes.Equal(gotMore, more) {
			t.Errorf("%q and %q become %q and %q", data, more, gotData, gotMore)
		}
		gotData, gotMore = kafka.CutTold(data)
		if !bytes.HasPrefix(data, []byte("\x00told")) && (!bytes.Equal(gotData, data) || gotMore != nil) {
			t.Errorf("%q becomes %q and %q", data, gotData, gotMore)
		}
	})
}
