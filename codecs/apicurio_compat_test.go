//go:build system

package codecs_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/sr"

	"refold/codecs"
	"refold/codecs/compat"
	"refold/codecs/compat/compattest"
)

// The registry's verdict on each case of the table is ours, or the table says why it is not.
func TestApicurioJudgesAsTheTable(t *testing.T) {
	s := apicurio(t)
	for i, c := range compattest.Cases() {
		want, why := c.Want, "the specification: "+c.Rule
		if c.Java != nil {
			want, why = *c.Java, c.Why
		}
		for level, compatible := range map[compat.Level]bool{
			compat.BackwardOnly: want.Backward, compat.ForwardOnly: want.Forward,
		} {
			t.Run(c.Name+" "+string(level), func(t *testing.T) {
				subject := fmt.Sprintf("table-%d-%s", i, level)
				if took := registryTakes(t, s.URL(), subject, level, c.Older, c.Newer); took != compatible {
					t.Errorf("the registry takes the newer schema: %v, want %v: %s", took, compatible, why)
				}
			})
		}
	}
}

// registryTakes registers a schema, requires a level, and reports whether the registry takes another schema.
func registryTakes(t *testing.T, url, subject string, level compat.Level, older, newer string) bool {
	t.Helper()
	r := client(t, url)
	if _, err := r.ID(t.Context(), subject, older); err != nil {
		t.Fatal(err)
	}
	var required sr.CompatibilityLevel
	if err := required.UnmarshalText([]byte(level)); err != nil {
		t.Fatal(err)
	}
	c, err := sr.NewClient(sr.URLs(url))
	if err != nil {
		t.Fatal(err)
	}
	for _, answer := range c.SetCompatibility(t.Context(), sr.SetCompatibility{Level: required}, subject) {
		if answer.Err != nil {
			t.Fatal(answer.Err)
		}
	}
	_, err = r.ID(t.Context(), subject, newer)
	// Two fields that are one by an alias are no schema to it.
	invalid := err != nil && strings.Contains(err.Error(), "invalid Avro schema")
	if err != nil && !invalid && !errors.Is(err, codecs.ErrIncompatible) {
		t.Fatal(err)
	}
	return err == nil
}
