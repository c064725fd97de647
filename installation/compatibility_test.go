package installation_test

import (
	"testing"

	"refold/codecs/compat"
)

// The level of a subject is that of the longest override that fits.
func TestCompatibilityOfSubjects(t *testing.T) {
	in := install(t, map[string]string{
		"registry.compatibility": "FULL",
		"registry.compatibility-overrides": "shop.*=BACKWARD,shop.orders.*=NONE," +
			"shop.orders.Placed=FORWARD_TRANSITIVE",
	})
	for subject, want := range map[string]compat.Level{
		"bank.Opened": compat.Full, "shop.Row": compat.BackwardOnly, "shop.orders.Paid": compat.None,
		"shop.orders.Placed": compat.ForwardTransitive, "shop.orders.PlacedLate": compat.None,
	} {
		if got := in.Compatibility(subject); got != want {
			t.Errorf("%s: got %s, want %s", subject, got, want)
		}
	}
	if got := install(t, nil).Compatibility("bank.Opened"); got != compat.FullTransitive {
		t.Errorf("by default: %s", got)
	}
}

// A level that does not exist is a mistake of the configuration.
func TestOverridesAreChecked(t *testing.T) {
	for _, text := range []string{"bank.Opened=SIDEWAYS", "bank.Opened", "=FULL"} {
		if _, err := load(t, "--registry.compatibility-overrides", text); err == nil {
			t.Errorf("%q is taken", text)
		}
	}
}
