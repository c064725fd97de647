package deadletters_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/twmb/franz-go/pkg/kgo"
	"pgregory.net/rapid"

	"refold/processors"
	"refold/processors/deadletters"
)

func TestRef(t *testing.T) {
	for _, text := range []string{
		"", "1", "/", "1/", "/1", "-1/2", "1/-2", "a/b", "1/2/3", "1 / 2", "2147483648/0",
		"0/9223372036854775808",
	} {
		if ref, err := deadletters.ParseRef(text); err == nil {
			t.Errorf("%q is taken for %v", text, ref)
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		want := deadletters.Ref{
			Partition: rapid.Int32Min(0).Draw(t, "partition"), Offset: rapid.Int64Min(0).Draw(t, "offset"),
		}
		if got, err := deadletters.ParseRef(want.String()); err != nil || got != want {
			t.Errorf("%v became %v, %v", want, got, err)
		}
	})
}

func TestParse(t *testing.T) {
	r := letter(2, 7, "alice", "refold_version", "v1", "refold_replayed", "1/5",
		processors.HeaderRepeated, "true")
	r.Offset = 9
	got, err := deadletters.Parse(r)
	if err != nil {
		t.Fatal(err)
	}
	want := &deadletters.Letter{
		Ref: deadletters.Ref{Partition: 2, Offset: 9}, Time: r.Timestamp,
		Origin: deadletters.Origin{Topic: "order-commands", Partition: 1, Offset: 7, Time: noon},
		Reason: "undecodable", Message: "wrong", Version: "v1", Group: "orders",
		ReplayTopic: "order-commands", ReplayOf: "1/5",
		Key: []byte("alice"), Value: []byte("value of alice"),
		Headers: []kgo.RecordHeader{
			{Key: "ce_id", Value: []byte("id-alice")},
			{Key: processors.HeaderRepeated, Value: []byte("true")}, // a result's from its birth
		},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestParseOfOtherPeoplesRecords(t *testing.T) {
	for name, headers := range map[string][]string{
		"no topic":     {processors.HeaderTopic, ""},
		"no reason":    {processors.HeaderReason, ""},
		"no partition": {processors.HeaderPartition, ""},
		"an offset":    {processors.HeaderOffset, "ten"},
	} {
		t.Run(name, func(t *testing.T) {
			l, err := deadletters.Parse(letter(0, 0, "a", headers...))
			if !errors.Is(err, deadletters.ErrNoDeadLetter) {
				t.Errorf("got %+v, %v", l, err)
			}
		})
	}
}

// Whatever is in the topic: a letter, or an error, and never one of our headers among its own.
func TestParseOfAnything(t *testing.T) {
	names := rapid.OneOf(rapid.String(), rapid.SampledFrom([]string{
		processors.HeaderTopic, processors.HeaderPartition, processors.HeaderOffset,
		processors.HeaderReason, processors.HeaderTime, "refold_anything", "ce_id",
	}))
	rapid.Check(t, func(t *rapid.T) {
		r := &kgo.Record{Key: rapid.SliceOf(rapid.Byte()).Draw(t, "key")}
		if rapid.Bool().Draw(t, "a dead letter") {
			r.Headers = letter(0, 0, "a").Headers
		}
		for range rapid.IntRange(0, 8).Draw(t, "headers") {
			r.Headers = append(r.Headers, kgo.RecordHeader{
				Key: names.Draw(t, "name"), Value: rapid.SliceOf(rapid.Byte()).Draw(t, "value"),
			})
		}
		l, err := deadletters.Parse(r)
		if err != nil {
			if !errors.Is(err, deadletters.ErrNoDeadLetter) {
				t.Error(err)
			}
			return
		}
		for _, h := range l.Headers {
			if strings.HasPrefix(h.Key, "refold_") && h.Key != processors.HeaderRepeated {
				t.Errorf("%s is left", h.Key)
			}
		}
	})
}
