package codecs_test

import (
	"errors"
	"testing"

	"refold/codecs"
)

// A version that no registry has is shown as it was written, and as it is read.
func TestShowSampleOfFormerVersions(t *testing.T) {
	bankSet := set(t, client(t, server(t).URL()), payments()...)
	formers := bankSet.FormerSchemas()
	if len(formers) != 3 {
		t.Fatalf("there are %d former versions", len(formers))
	}
	for i, want := range []struct {
		written string
		readAs  []codecs.Part
	}{
		{`{"euros":1,"tip":1}`, []codecs.Part{
			{Type: "Paid", Data: []byte(`{"money":{"cents":100,"currency":"EUR"}}`)},
			{Type: "Tipped", Data: []byte(`{"cents":1}`)},
		}},
		{`{"money":"1","tip":1}`, []codecs.Part{
			{Type: "Paid", Data: []byte(`{"money":{"cents":100,"currency":""}}`)},
			{Type: "Tipped", Data: []byte(`{"cents":1}`)},
		}},
		{`{"name":"1"}`, []codecs.Part{}},
	} {
		got, err := bankSet.ShowSample(formers[i])
		if err != nil {
			t.Fatal(err)
		}
		if string(got.Data) != want.written || got.ReadAs == nil || len(got.ReadAs) != len(want.readAs) {
			t.Fatalf("version %d: got %s, read as %s", i, got.Data, got.ReadAs)
		}
		for n, part := range want.readAs {
			if got.ReadAs[n].Type != part.Type || string(got.ReadAs[n].Data) != string(part.Data) {
				t.Errorf("version %d: got %s, want %s", i, got.ReadAs[n].Data, part.Data)
			}
		}
	}
}

// Today's types are read as they are written; a record of another name is not read.
func TestShowSampleOfOthers(t *testing.T) {
	bankSet := set(t, client(t, server(t).URL()), payments()...)
	got, err := bankSet.ShowSample(bankSet.Schemas()[1])
	if err != nil || string(got.Data) != `{"cents":1}` || got.ReadAs != nil {
		t.Errorf("got %s, %v, %v", got.Data, got.ReadAs, err)
	}
	foreign, err := codecs.ParseSchema(`{"type": "record", "name": "bank.Unheard", "fields": []}`)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := bankSet.ShowSample(foreign); err == nil {
		t.Error("a record that the set does not know is read")
	}
	if v, err := bankSet.SampleOf("Tipped"); err != nil || v != (Tipped{1}) {
		t.Errorf("got %v, %v", v, err)
	}
	if _, err := bankSet.SampleOf("Unheard"); !errors.As(err, new(*codecs.UnknownTypeError)) {
		t.Errorf("got %v", err)
	}
}
