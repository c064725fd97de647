//go:build system

package codecs_test

import (
	"errors"
	"fmt"
	"net/http"
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

// The same for the other formats. Apicurio's rules are its own, so the table lists more differences.
func TestApicurioJudgesAsTheTablesOfFormats(t *testing.T) {
	s := apicurio(t)
	for format, cases := range map[sr.SchemaType][]compattest.Case{
		sr.TypeProtobuf: compattest.ProtobufCases(), sr.TypeJSON: compattest.JSONSchemaCases(),
	} {
		for i, c := range cases {
			want, why := c.Want, c.Rule
			if c.Java != nil {
				want, why = *c.Java, c.Why
			}
			for level, compatible := range map[compat.Level]bool{
				compat.BackwardOnly: want.Backward, compat.ForwardOnly: want.Forward,
			} {
				t.Run(fmt.Sprintf("%s %s %s", format, c.Name, level), func(t *testing.T) {
					subject := fmt.Sprintf("table-%s-%d-%s", format, i, level)
					took := registryTakesFormat(t, s.URL(), subject, level, format, c.Older, c.Newer)
					if took != compatible {
						t.Errorf("the registry takes the newer schema: %v, want %v: %s", took, compatible,
							why)
					}
				})
			}
		}
	}
}

// registryTakesFormat is registryTakes for a schema of any format.
func registryTakesFormat(
	t *testing.T, url, subject string, level compat.Level, format sr.SchemaType, older, newer string,
) bool {
	t.Helper()
	c, err := sr.NewClient(sr.URLs(url))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.CreateSchema(t.Context(), subject, sr.Schema{Schema: older, Type: format}); err != nil {
		t.Fatal(err)
	}
	require(t, c, subject, level)
	_, err = c.CreateSchema(t.Context(), subject, sr.Schema{Schema: newer, Type: format})
	if err == nil {
		return true
	}
	// To Apicurio, a reference that leads nowhere makes no schema.
	invalid := strings.Contains(err.Error(), "Unresolved JSON Schema reference")
	if refused, is := errors.AsType[*sr.ResponseError](err); !is ||
		refused.StatusCode != http.StatusConflict && !invalid {
		t.Fatal(err)
	}
	return false
}

// registryTakes registers a schema, requires a level, and reports whether the registry takes another schema.
func registryTakes(t *testing.T, url, subject string, level compat.Level, older, newer string) bool {
	t.Helper()
	r := client(t, url)
	if _, err := r.ID(t.Context(), subject, older); err != nil {
		t.Fatal(err)
	}
	c, err := sr.NewClient(sr.URLs(url))
	if err != nil {
		t.Fatal(err)
	}
	require(t, c, subject, level)
	_, err = r.ID(t.Context(), subject, newer)
	// Two fields that are one by an alias are no schema to it.
	invalid := err != nil && strings.Contains(err.Error(), "invalid Avro schema")
	if err != nil && !invalid && !errors.Is(err, codecs.ErrIncompatible) {
		t.Fatal(err)
	}
	return err == nil
}

// require sets the level of a subject.
func require(t *testing.T, c *sr.Client, subject string, level compat.Level) {
	t.Helper()
	var required sr.CompatibilityLevel
	if err := required.UnmarshalText([]byte(level)); err != nil {
		t.Fatal(err)
	}
	for _, answer := range c.SetCompatibility(t.Context(), sr.SetCompatibility{Level: required}, subject) {
		if answer.Err != nil {
			t.Fatal(answer.Err)
		}
	}
}
