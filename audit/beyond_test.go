package audit_test

import (
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kgo"

	"refold/audit"
)

// What earlier versions accepted is checked like everything else. A process can't follow it, and sets it
// aside: the order stays pending, and nobody sent poison.
func TestRecordsBeyondTheLimitsAreJudgedAsTheyAre(t *testing.T) {
	p := newPlace(t)
	for name, key := range map[string]string{
		"binary": "\xff\xfe\x01", "too long": strings.Repeat("k", 819),
	} {
		t.Run(name, func(t *testing.T) {
			k := newKeeper()
			k.client(k.shop.Orders, "place", key, "PlaceOrder", "", "OrderPlaced", placed())
			row := k.shop.Orders.Rows[key]
			row.State = orderOf("placed", "pending")
			k.shop.Orders.Rows[key] = row
			w := p.in(t).write(k.shop)
			aside := audit.Poison{Topic: w.prefix + "order-events"}
			w.setAside(aside)
			summary := w.wants(audit.Options{}, counts{})
			if text := strings.Join(summary.Lines, "\n"); !strings.Contains(text, "beyond the limits") {
				t.Errorf("it is not named:\n%s", text)
			}
			w.setAside(aside) // once is enough
			w.wants(audit.Options{}, counts{audit.Letters: 1})
		})
	}
}

// Of two headers with one name the last counts, as it does for the program.
func TestTheLastOfDoubledHeadersCounts(t *testing.T) {
	w := newPlace(t).write(wholeShop())
	w.produce(&kgo.Record{Topic: w.prefix + "dead-letters", Value: []byte("poison"), Headers: append(
		headers("refold_topic", "nowhere", "refold_partition", "9"),
		headers("refold_topic", w.poison().Topic, "refold_partition", "0", "refold_offset",
			"0", "refold_reason", "not-wire-format")...)})
	summary := w.found(audit.Options{})
	if text := summary.String(); strings.Contains(text, "nowhere") {
		t.Errorf("the first counts:\n%s", text)
	}
}
