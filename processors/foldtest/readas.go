package foldtest

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/testing/protocmp"

	"refold/codecs"
	"refold/processors"
)

// ReadAs writes an event or a command as a program of a former version wrote it, and checks what it is read
// as today. old is a value of the Go type of that version, as the definition has it. want is one value, or of
// an event several, or none.
func ReadAs[S, C, E any](t *testing.T, definition processors.Aggregate[S, C, E], old any, want ...any) {
	t.Helper()
	registry := registryOf(t)
	tried := false
	for _, types := range [][]codecs.Type{definition.EventTypes(), definition.CommandTypes()} {
		at := slices.IndexFunc(types, func(former codecs.Type) bool { return former.Describes(old) })
		if at < 0 {
			continue
		}
		tried = true
		got, err := readAs(t, registry, types, types[at].Current(), old)
		if err != nil {
			t.Errorf("a %T can't be read: %v", old, err)
		} else if diff := cmp.Diff(want, got, protocmp.Transform()); diff != "" {
			t.Errorf("a %T is read otherwise (-want +got):\n%s", old, diff)
		}
	}
	if !tried {
		t.Errorf("%s has no version of an event or a command that is a %T", definition.Plural, old)
	}
}

// readAs returns what types read a value as that a program wrote to which it was current.
func readAs(
	t *testing.T, registry *codecs.Registry, types []codecs.Type, current codecs.Type, old any,
) ([]any, error) {
	t.Helper()
	written, err := codecs.NewSet(registry, current)
	if err != nil {
		return nil, err //nolint:wrapcheck // it says what is wrong
	}
	b, err := written.Encode(old)
	if err != nil {
		return nil, err //nolint:wrapcheck // the same
	}
	read, err := codecs.NewSet(registry, types...)
	if err != nil {
		return nil, err //nolint:wrapcheck // the same
	}
	value, err := read.Decode(t.Context(), b)
	if err != nil {
		return nil, err //nolint:wrapcheck // the same
	}
	return codecs.Values(value), nil
}
