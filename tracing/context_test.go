package tracing_test

import (
	"testing"

	"go.opentelemetry.io/otel/trace"

	"refold/tracing"
)

const sampled = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"

func TestParse(t *testing.T) {
	for text, want := range map[string]string{
		sampled:               sampled,
		"  " + sampled + "\t": sampled,
		sampled[:54] + "0":    sampled[:54] + "0",
		"01" + sampled[2:]:    sampled, // a later version begins like this one
		sampled[:53] + "ff":   sampled, // flags that aren't known yet are dropped
		"":                    "",
		"ff" + sampled[2:]:    "",
		sampled + "-x":        "",
		sampled[:54]:          "",
		"00-0AF7651916CD43DD8448EB211C80319C-b7ad6b7169203331-01": "",
		"00-00000000000000000000000000000000-b7ad6b7169203331-01": "",
		"00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01": "",
		"00-0af7651916cd43d-8448eb211c80319c-b7ad6b7169203331-01": "",
		"00-0ag7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01": "",
		"00_0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01": "",
	} {
		got := tracing.Parse(text)
		if want == "" {
			if got.IsValid() {
				t.Errorf("%q is %v", text, got)
			}
			continue
		}
		if !got.IsRemote() || tracing.Format(got) != want {
			t.Errorf("%q is %q, want %q", text, tracing.Format(got), want)
		}
	}
}

func TestUnder(t *testing.T) {
	for text, unsampled := range map[string]bool{
		"": false, "nonsense": false, sampled: false, sampled[:54] + "0": true,
	} {
		if got := tracing.IsUnsampled(text); got != unsampled {
			t.Errorf("%q is unsampled: %v", text, got)
		}
		got := trace.SpanContextFromContext(tracing.Under(t.Context(), text))
		if !got.Equal(tracing.Parse(text)) {
			t.Errorf("%q: under %v", text, got)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add(sampled)
	f.Fuzz(func(t *testing.T, text string) {
		if c := tracing.Parse(text); c.IsValid() && !tracing.Parse(tracing.Format(c)).Equal(c) {
			t.Errorf("%q is %v, and comes back as another", text, c)
		}
	})
}
