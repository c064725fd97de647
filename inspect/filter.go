package inspect

import (
	"bytes"
	"slices"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"refold/codecs"
	"refold/kafka"
)

// Filter says which records are meant: those that fit every field that is set. The values of a list are
// alternatives, except for those of Headers, all of which a record must have.
type Filter struct {
	Key       *string // exactly
	KeyPrefix string
	// Types are full or bare names: of the header ce_type, or of the record in the wire format.
	Types []string
	// CorrelationIDs are those of chains: the ID of the command that began it. That command is meant as
	// well, though it may name no correlation.
	CorrelationIDs []string
	Headers        []HeaderFilter
	Since, Until   time.Time // from Since on, before Until; zero: not limited
	Where          *Where    // nil: all
}

// HeaderFilter is a header that a record must have.
type HeaderFilter struct{ Name, Value string }

// early reports whether a record is meant, as far as that is known before its value is decoded.
func (f *Filter) early(r *kgo.Record) bool {
	switch {
	case f.Key != nil && (r.Key == nil || string(r.Key) != *f.Key),
		!bytes.HasPrefix(r.Key, []byte(f.KeyPrefix)),
		!f.Since.IsZero() && r.Timestamp.Before(f.Since),
		!f.Until.IsZero() && !r.Timestamp.Before(f.Until):
		return false
	}
	for _, want := range f.Headers {
		if !slices.ContainsFunc(r.Headers, func(h kgo.RecordHeader) bool {
			return h.Key == want.Name && string(h.Value) == want.Value
		}) {
			return false
		}
	}
	if len(f.CorrelationIDs) == 0 {
		return true
	}
	correlation := kafka.Header(r.Headers, codecs.HeaderCorrelationID)
	if len(correlation) == 0 {
		correlation = kafka.Header(r.Headers, codecs.HeaderID)
	}
	return slices.Contains(f.CorrelationIDs, string(correlation))
}

// late reports whether a record is meant that early has let through. Its value is decoded.
func (f *Filter) late(r *Record) bool {
	return len(f.Types) == 0 || slices.ContainsFunc(f.Types, func(want string) bool {
		return isCalled(r.Type, want) || isCalled(r.SchemaName, want)
	})
}

// isCalled reports whether a full or bare name is the one that is wanted, which may be either.
func isCalled(name, want string) bool {
	return name != "" && (name == want || !strings.Contains(want, ".") && bare(name) == want)
}
