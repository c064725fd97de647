package deadletters_test

import (
	"errors"
	"testing"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"refold/processors/deadletters"
)

func (d *fixture) index() *deadletters.Index {
	x := deadletters.NewIndex(d.settings())
	d.Cleanup(x.Close)
	return x
}

// listed are the letters of an index: "0/1 open", the newest first.
func (d *fixture) listed(x *deadletters.Index) []string {
	d.Helper()
	all, err := x.List(d.ctx, true)
	d.must(err)
	said := []string{}
	for _, l := range all.Letters {
		state := " open"
		if l.Settled != nil {
			state = " " + string(l.Settled.Disposition)
		}
		if l.Value != nil || l.Bytes != len("value of ")+len(l.Key) {
			d.Errorf("%s has a value, or %d bytes", l.Ref, l.Bytes)
		}
		said = append(said, l.Ref.String()+state)
	}
	return said
}

func TestIndexGoesOnWhereItWas(t *testing.T) {
	versions(t, func(d *fixture) {
		x := d.index()
		d.equal("nothing", d.listed(x), []string{})
		d.put(letter(0, 1, "alice"), letter(2, 3, "bob"), letter(1, 2, "carol"))
		d.put(&kgo.Record{Topic: "dead-letters", Value: []byte("no letter")})
		d.equal("the newest first", d.listed(x), []string{"2/0 open", "1/0 open", "0/0 open"})
		d.settled(deadletters.Selection{Refs: refs("1/0")}, replay)
		d.put(letter(1, 4, "dave"))
		d.equal("what came since", d.listed(x), []string{"1/1 open", "2/0 open", "1/0 replayed", "0/0 open"})
		all, err := x.List(d.ctx, false)
		d.must(err)
		d.equal("foreign", all.Foreign, 1)

		l, err := x.Get(d.ctx, refs("1/0")[0])
		d.must(err)
		d.equal("its value", string(l.Value), "value of carol")
		d.equal("by whom", l.Settled.By, "somebody@test")
		for _, ref := range refs("0/7", "9/0") {
			if _, err := x.Get(d.ctx, ref); !errors.Is(err, deadletters.ErrMissing) {
				d.Errorf("the error of %s is %v", ref, err)
			}
		}
		if _, err := x.Get(d.ctx, refs("0/1")[0]); !errors.Is(err, deadletters.ErrNoDeadLetter) {
			d.Errorf("the error of a record that is none is %v", err)
		}
	})
}

func TestIndexForgetsWhatRetentionRemoves(t *testing.T) {
	d := newFixture(t, 2)
	x := d.index()
	d.put(letter(0, 1, "alice"), letter(0, 2, "bob"))
	d.equal("both", d.listed(x), []string{"0/1 open", "0/0 open"})
	at := kadm.Offsets{}
	at.Add(kadm.Offset{Topic: "dead-letters", Partition: 0, At: 1})
	deleted, err := kadm.NewClient(d.plain).DeleteRecords(d.ctx, at)
	d.must(err)
	d.must(deleted.Error())
	d.equal("one is left", d.listed(x), []string{"0/1 open"})
	if _, err := x.Get(d.ctx, refs("0/0")[0]); !errors.Is(err, deadletters.ErrMissing) {
		d.Errorf("the error is %v", err)
	}
}
