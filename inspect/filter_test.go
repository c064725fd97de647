package inspect

import (
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

// headers are names and values in turns.
func headers(texts ...string) (all []HeaderFilter) {
	for i := 0; i+1 < len(texts); i += 2 {
		all = append(all, HeaderFilter{texts[i], texts[i+1]})
	}
	return all
}

func TestFilters(t *testing.T) {
	header := func(name, value string) kgo.RecordHeader {
		return kgo.RecordHeader{Key: name, Value: []byte(value)}
	}
	at := time.UnixMilli(1_000_000)
	deposit := &kgo.Record{
		Key: []byte("alice"), Timestamp: at, Value: []byte(wire(7, `{"price": 5}`)),
		Headers: []kgo.RecordHeader{
			header("ce_type", "shop.v1.Deposit"), header("ce_id", "c-1"), header("ce_correlationid", "chain"),
			header("tenant", "a"), header("tenant", "b"),
		},
	}
	first := &kgo.Record{Key: nil, Timestamp: at, Value: []byte(wire(7, `{}`)), Headers: []kgo.RecordHeader{
		header("ce_id", "chain"),
	}}
	key := func(s string) *string { return &s }
	for name, test := range map[string]struct {
		filter         Filter
		deposit, first bool
	}{
		"none":                      {Filter{}, true, true},
		"key":                       {Filter{Key: key("alice")}, true, false},
		"a part of a key":           {Filter{Key: key("ali")}, false, false},
		"no key is no empty key":    {Filter{Key: key("")}, false, false},
		"key prefix":                {Filter{KeyPrefix: "ali"}, true, false},
		"full type":                 {Filter{Types: []string{"shop.v1.Deposit"}}, true, false},
		"bare type":                 {Filter{Types: []string{"Other", "Deposit"}}, true, false},
		"the record's full name":    {Filter{Types: []string{"shop.Sold"}}, true, true},
		"the record's bare name":    {Filter{Types: []string{"Sold"}}, true, true},
		"another namespace":         {Filter{Types: []string{"other.Sold"}}, false, false},
		"chain, its first as well":  {Filter{CorrelationIDs: []string{"chain"}}, true, true},
		"ID of a message in it":     {Filter{CorrelationIDs: []string{"c-1"}}, false, false},
		"any header of the name":    {Filter{Headers: headers("tenant", "a")}, true, false},
		"all headers":               {Filter{Headers: headers("tenant", "b", "x", "")}, false, false},
		"since then":                {Filter{Since: at}, true, true},
		"since later":               {Filter{Since: at.Add(1)}, false, false},
		"until then":                {Filter{Until: at}, false, false},
		"until later":               {Filter{Until: at.Add(1)}, true, true},
		"two filters, one of which": {Filter{Key: key("alice"), Types: []string{"Other"}}, false, false},
	} {
		t.Run(name, func(t *testing.T) {
			d := &decoder{registry: &fakeRegistry{}}
			matches := func(r *kgo.Record) bool {
				return test.filter.early(r) && test.filter.late(shown(t, d, r))
			}
			if got := matches(deposit); got != test.deposit {
				t.Errorf("deposit: %v", got)
			}
			if got := matches(first); got != test.first {
				t.Errorf("first: %v", got)
			}
		})
	}
}
