package codecs_test

import (
	"errors"
	"maps"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/lovoo/goka"
	"github.com/twmb/franz-go/pkg/kgo"

	"refold/codecs"
	"refold/eventsourcing"
)

func metadata() eventsourcing.Metadata {
	return eventsourcing.Metadata{
		ID: "account-4711/17", Source: "accounts", Type: "MoneyDeposited", Subject: "account-4711",
		Time:          time.Date(2026, 3, 14, 15, 9, 26, 535_000_000, time.UTC),
		CorrelationID: "0190e2a5-3c4f-7d7e-9a3e-0d1c2b3a4f5e",
		CausationID:   "0190e2a5-3c4f-7d7e-9a3e-0d1c2b3a4f5e",
		Sequence:      17,
		Traceparent:   "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
	}
}

func number(n int64) *int64 { return &n }

// recordHeaders returns headers as a record has them.
func recordHeaders(h goka.Headers) (headers []kgo.RecordHeader) {
	for name, value := range h {
		headers = append(headers, kgo.RecordHeader{Key: name, Value: value})
	}
	return headers
}

func metadataFrom(h goka.Headers) (eventsourcing.Metadata, error) {
	return codecs.MetadataFromRecord(recordHeaders(h))
}

func TestHeadersAreCloudEvents(t *testing.T) {
	m := metadata()
	m.ExpectedSequence = number(16)
	got := map[string]string{}
	for name, value := range codecs.Headers(m) {
		got[name] = string(value)
	}
	want := map[string]string{
		"ce_specversion":      "1.0",
		"ce_id":               "account-4711/17",
		"ce_source":           "accounts",
		"ce_type":             "MoneyDeposited",
		"ce_subject":          "account-4711",
		"ce_time":             "2026-03-14T15:09:26.535Z",
		"ce_correlationid":    "0190e2a5-3c4f-7d7e-9a3e-0d1c2b3a4f5e",
		"ce_causationid":      "0190e2a5-3c4f-7d7e-9a3e-0d1c2b3a4f5e",
		"ce_sequence":         "17",
		"ce_expectedsequence": "16",
		"traceparent":         "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
	}
	if !maps.Equal(got, want) {
		t.Errorf("got  %v\nwant %v", got, want)
	}
}

func TestHeadersComeBack(t *testing.T) {
	full := metadata()
	full.ExpectedSequence = number(0)
	nanos := metadata()
	nanos.Time = time.Date(1999, 12, 31, 23, 59, 59, 999_999_999, time.UTC)
	for name, m := range map[string]eventsourcing.Metadata{
		"everything":  full,
		"nanoseconds": nanos,
		"the least":   {ID: "1", Type: "T"},
		"not ASCII":   {ID: "ä€😀", Type: "Überwiesen", Subject: "konto\x00"},
	} {
		t.Run(name, func(t *testing.T) {
			back, err := metadataFrom(codecs.Headers(m))
			if err != nil {
				t.Fatal(err)
			}
			if !reflect.DeepEqual(back, m) {
				t.Errorf("got  %+v\nwant %+v", back, m)
			}
		})
	}
}

func TestHeadersOfAnotherZone(t *testing.T) {
	m := metadata()
	m.Time = m.Time.In(time.FixedZone("", 2*60*60))
	if got := string(codecs.Headers(m)["ce_time"]); got != "2026-03-14T15:09:26.535Z" {
		t.Errorf("ce_time is %s", got)
	}
	back, err := metadataFrom(goka.Headers{
		"ce_id": []byte("1"), "ce_type": []byte("T"),
		"ce_time": []byte("2026-03-14T17:09:26.535+02:00"),
	})
	if err != nil || !back.Time.Equal(m.Time) || back.Time.Location() != time.UTC {
		t.Errorf("got %v, %v", back.Time, err)
	}
}

// What comes after a header's value in memory is another header's.
func TestHeadersCanBeAppendedTo(t *testing.T) {
	h := codecs.Headers(metadata())
	for name, value := range h {
		h[name] = append(value, " and more"...)
	}
	if got := string(h["ce_type"]); got != "MoneyDeposited and more" {
		t.Errorf("ce_type is %q", got)
	}
	if got := string(codecs.Headers(metadata())["ce_specversion"]); got != "1.0" {
		t.Errorf("the next ce_specversion is %q", got)
	}
}

func TestBadHeaders(t *testing.T) {
	for name, test := range map[string]struct {
		header string
		value  string // "-" takes the header away
		want   string
	}{
		"no ID":                    {"ce_id", "-", "ce_id is missing or empty"},
		"empty ID":                 {"ce_id", "", "ce_id is missing or empty"},
		"long ID":                  {"ce_id", strings.Repeat("x", 1025), "ce_id has 1025 bytes"},
		"no type":                  {"ce_type", "-", "ce_type is missing or empty"},
		"later CloudEvents":        {"ce_specversion", "2.0", `ce_specversion is "2.0"`},
		"empty version":            {"ce_specversion", "", `ce_specversion is ""`},
		"not UTF-8":                {"ce_source", "\xff", `ce_source is "\xff"; must be UTF-8`},
		"no time":                  {"ce_time", "yesterday", `ce_time is "yesterday"; must be`},
		"sequence in words":        {"ce_sequence", "one", `ce_sequence is "one"`},
		"sequence zero":            {"ce_sequence", "0", `ce_sequence is "0"; must be`},
		"negative sequence":        {"ce_sequence", "-1", `ce_sequence is "-1"`},
		"sequence with fraction":   {"ce_sequence", "1.0", `ce_sequence is "1.0"`},
		"sequence out of range":    {"ce_sequence", "9223372036854775808", "ce_sequence is"},
		"empty sequence":           {"ce_sequence", "", `ce_sequence is ""`},
		"expecting less than none": {"ce_expectedsequence", "-1", `ce_expectedsequence is "-1"`},
		"expecting nothing":        {"ce_expectedsequence", "", `ce_expectedsequence is ""`},
	} {
		t.Run(name, func(t *testing.T) {
			h := codecs.Headers(metadata())
			h[test.header] = []byte(test.value)
			if test.value == "-" {
				delete(h, test.header)
			}
			_, err := metadataFrom(h)
			want := codecs.ReasonBadHeader
			if name == "long ID" || name == "not UTF-8" {
				want = codecs.ReasonBeyondLimits
			}
			if got := reason(t, err); got != want {
				t.Errorf("reason is %s, want %s", got, want)
			}
			if !strings.Contains(err.Error(), test.want) {
				t.Errorf("got %q, want it to contain %q", err, test.want)
			}
		})
	}
}

// StoredMetadata reads IDs that earlier versions let pass, and names them. Other mistakes are still errors.
func TestStoredMetadataReadsWhatIsBeyondTheLimits(t *testing.T) {
	with := func(name, value string) []kgo.RecordHeader {
		h := codecs.Headers(metadata())
		h[name] = []byte(value)
		var headers []kgo.RecordHeader
		for name, value := range h {
			headers = append(headers, kgo.RecordHeader{Key: name, Value: value})
		}
		return headers
	}
	long := strings.Repeat("k", 2000) + "/7"
	for id, says := range map[string]string{
		"order-1/7": "", "\xff\x00/7": `ce_id is "\xff`, long: "ce_id has 2002 bytes; at most 1024",
	} {
		m, beyond, err := codecs.StoredMetadata(with("ce_id", id))
		want := metadata()
		want.ID = id
		if err != nil || !reflect.DeepEqual(m, want) {
			t.Errorf("%.20q is read as %+v, %v", id, m, err)
		}
		if (beyond == nil) != (says == "") || beyond != nil &&
			(beyond.Reason != codecs.ReasonBeyondLimits || !strings.Contains(beyond.Error(), says)) {
			t.Errorf("%.20q is beyond the limits: %v", id, beyond)
		}
		if _, err := codecs.MetadataFromRecord(with("ce_id", id)); (err == nil) != (says == "") {
			t.Errorf("MetadataFromRecord of %.20q: %v", id, err)
		}
	}
	if _, _, err := codecs.StoredMetadata(with("ce_sequence", "-1")); err == nil ||
		reason(t, err) != codecs.ReasonBadHeader {
		t.Errorf("got %v", err)
	}
}

// Of two headers with one name the last counts, also if only it is wrong, or right.
func TestTheLastOfDoubledHeadersCounts(t *testing.T) {
	double := func(first, last string) []kgo.RecordHeader {
		return []kgo.RecordHeader{
			{Key: "ce_id", Value: []byte(first)},
			{Key: "ce_type", Value: []byte("T")},
			{Key: "ce_id", Value: []byte(last)},
		}
	}
	m, err := codecs.MetadataFromRecord(double("\xff", "i"))
	if err != nil || m.ID != "i" {
		t.Errorf("got %+v, %v", m, err)
	}
	if _, err := codecs.MetadataFromRecord(double("i", "")); err == nil {
		t.Error("an empty last one passes")
	}
}

func TestHeadersAllocateLittle(t *testing.T) {
	m := metadata()
	h := recordHeaders(codecs.Headers(m))
	if n := testing.AllocsPerRun(100, func() { _, _ = codecs.MetadataFromRecord(h) }); n > 1 {
		t.Errorf("MetadataFromRecord allocates %v times, want 1", n)
	}
	if n := testing.AllocsPerRun(100, func() { _ = codecs.Headers(m) }); n > 5 {
		t.Errorf("Headers allocates %v times, want 5: the map's four and the values", n)
	}
}

func FuzzMetadataFrom(f *testing.F) {
	f.Add("1.0", "id", "source", "Type", "subject", "2026-03-14T15:09:26.535Z", "1", "0", "00-4b")
	f.Add("", "", "", "", "", "", "", "", "")
	f.Add("1.0", "\xff", "", "T", "", "0000-01-01T00:00:00Z", "-1", "9223372036854775807", "")
	f.Add("1.0", "i", "", "T", "", "2026-03-14T15:09:60+24:00", "+1", "1e3", "")
	f.Fuzz(func(t *testing.T,
		version, id, source, typ, subject, at, sequence, expected, trace string,
	) {
		h := goka.Headers{
			"ce_specversion": []byte(version), "ce_id": []byte(id), "ce_source": []byte(source),
			"ce_type": []byte(typ), "ce_subject": []byte(subject), "ce_time": []byte(at),
			"ce_sequence": []byte(sequence), "ce_expectedsequence": []byte(expected),
			"traceparent": []byte(trace),
		}
		m, err := metadataFrom(h)
		if err != nil {
			if r := reason(t, err); r != codecs.ReasonBadHeader && r != codecs.ReasonBeyondLimits {
				t.Fatal(err)
			}
			return
		}
		again, err := metadataFrom(codecs.Headers(m))
		if err != nil || !reflect.DeepEqual(again, m) {
			t.Fatalf("%+v comes back as %+v, %v", m, again, err)
		}
	})
}

func TestMalformedIsAnError(t *testing.T) {
	cause := errors.New("cause")
	err := error(&codecs.Malformed{Reason: codecs.ReasonUndecodable, Err: cause})
	if !errors.Is(err, cause) || err.Error() != "undecodable: cause" {
		t.Errorf("got %v", err)
	}
	if got := (&codecs.Malformed{Reason: "why"}).Error(); got != "why" {
		t.Errorf("got %v", got)
	}
}
