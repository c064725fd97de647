package codecs_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"refold/codecs"
	"refold/eventsourcing"
)

// paymentsBack are payments whose second version is still written.
func paymentsBack() []codecs.Type {
	all := payments()
	all[1] = all[1].Upcoming()
	all[3] = codecs.Downcast(all[3], func(p Paid) (paid2, error) {
		if p.Money.Cents%100 != 0 {
			return paid2{}, fmt.Errorf("%d cents are no whole euros", p.Money.Cents)
		}
		return paid2{Money: strings.Repeat("1", int(p.Money.Cents/100)) + " " + p.Money.Currency}, nil
	})
	return all
}

// Given a former version with a downcast, when values are encoded, then they are written as that version and
// under its name, and the registry learns no other, until the latest may be written.
func TestFormerVersionIsWritten(t *testing.T) {
	s := server(t)
	r := client(t, s.URL())
	before := set(t, r, payments()[3].Current())
	today := set(t, r, paymentsBack()...)
	paid, metadata := Paid{Money{300, "EUR"}}, eventsourcing.Metadata{ID: "1", Type: "Paid"}
	var buffer codecs.Buffer
	message, err := today.EncodeMessage(&buffer, &codecs.Message{Metadata: &metadata, Data: &paid})
	if err != nil {
		t.Fatal(err)
	}
	if got, err := before.Decode(t.Context(), message.Value); err != nil || got != (paid2{"111 EUR", 0}) {
		t.Errorf("the former program reads %+v, %v", got, err)
	}
	versions, err := r.Versions(t.Context(), "bank.Paid")
	if err != nil || len(versions) != 1 {
		t.Errorf("the registry has %d versions, %v; want the former one alone", len(versions), err)
	}
	if _, err := today.Encode(Tipped{5}); !errors.Is(err, codecs.ErrNotYetWritable) {
		t.Errorf("a type that the former program has not: %v", err)
	}

	latest, err := codecs.NewSet(r, paymentsBack()...)
	if err != nil {
		t.Fatal(err)
	}
	latest.WriteLatest()
	for _, v := range []any{Paid{Money{7, "EUR"}}, Tipped{5}} {
		b, err := latest.Encode(v)
		if err != nil || latest.Writable(v) != nil {
			t.Fatalf("%+v: %v", v, err)
		}
		if got, err := today.Decode(t.Context(), b); err != nil || got != v {
			t.Errorf("a program that writes the former version reads %+v, %v; want %+v", got, err, v)
		}
	}
}

// A former version may have had another name: that is the type of a message, and of what is said to be
// written.
func TestWhatIsWritten(t *testing.T) {
	renamed := codecs.Downcast(codecs.FormerOf(bank("Greeted"), func(g greeted) Tipped {
		return Tipped{int64(len(g.Name))}
	}), func(tip Tipped) (greeted, error) {
		return greeted{strings.Repeat("x", int(tip.Cents))}, nil
	})
	today := set(t, client(t, server(t).URL()), codecs.RecordOf[Tipped](bank("")), renamed,
		codecs.RecordOf[Paid](bank("")), codecs.RecordOf[Deposited](bank("")).Upcoming())
	metadata := eventsourcing.Metadata{ID: "1", Type: "Tipped"}
	var buffer codecs.Buffer
	m, err := today.EncodeMessage(&buffer, &codecs.Message{Metadata: &metadata, Data: Tipped{3}})
	if err != nil {
		t.Fatal(err)
	}
	if got, err := codecs.MetadataFromRecord(m.Headers); err != nil || got.Type != "Greeted" {
		t.Errorf("its type is %q, %v", got.Type, err)
	}
	var lines []string
	for _, w := range today.Written() {
		line := w.Type + " not yet"
		if w.As != nil {
			line = fmt.Sprintf("%s as %s, former: %v", w.Type, w.As.Name, w.Former)
		}
		lines = append(lines, line)
	}
	if diff := cmp.Diff([]string{
		"bank.Tipped as bank.Greeted, former: true", "bank.Paid as bank.Paid, former: false",
		"bank.Deposited not yet",
	}, lines); diff != "" {
		t.Error(diff)
	}
}

// Values that a former version has no place for are not written, however the downcaster goes wrong.
func TestDowncasterFails(t *testing.T) {
	for name, test := range map[string]struct {
		down  func(Paid) (paid2, error)
		lossy bool
		want  error // nil: it is written
	}{
		"it says so": {
			func(Paid) (paid2, error) { return paid2{}, errors.New("no") }, false, codecs.ErrNotYetWritable,
		},
		"another value": {
			func(Paid) (paid2, error) { return paid2{Money: "1 EUR"}, nil }, false, codecs.ErrNotYetWritable,
		},
		"several values": {
			func(Paid) (paid2, error) { return paid2{"111 EUR", 1}, nil }, false, codecs.ErrNotYetWritable,
		},
		"another value, which is allowed": {
			func(Paid) (paid2, error) { return paid2{Money: "1 EUR"}, nil }, true, nil,
		},
	} {
		t.Run(name, func(t *testing.T) {
			down := codecs.Downcast[Paid, paid2]
			if test.lossy {
				down = codecs.DowncastLossy[Paid, paid2]
			}
			all := payments()
			all[3] = down(all[3], test.down)
			today := set(t, client(t, server(t).URL()), all...)
			_, err := today.Encode(Paid{Money{300, "EUR"}})
			if !errors.Is(err, test.want) {
				t.Errorf("got %v", err)
			}
		})
	}
	all := payments()
	all[3] = codecs.Downcast(all[3], func(Paid) (paid2, error) { panic("of the domain") })
	today := set(t, client(t, server(t).URL()), all...)
	if err := today.Writable(Paid{}); err == nil || errors.Is(err, codecs.ErrNotYetWritable) {
		t.Errorf("a panic is %v; it is a bug, and no later release makes it better", err)
	}
}

func TestWrongDowncasts(t *testing.T) {
	none := client(t, "http://localhost:1")
	all := payments()
	all[3] = codecs.Downcast(all[3], func(Paid) (paid1, error) { return paid1{}, nil })
	_, err := codecs.NewSet(none, all...)
	if err == nil || !strings.Contains(err.Error(), "not that former") {
		t.Errorf("to another version: %v", err)
	}
	all = payments()
	all[3] = codecs.Downcast(all[3], func(Deposited) (paid2, error) { return paid2{}, nil })
	_, err = codecs.NewSet(none, all...)
	if err == nil || !strings.Contains(err.Error(), "none of the versions") {
		t.Errorf("from a type that there is not: %v", err)
	}
}

// Property: a value that can be written as the former version is read by both programs, and comes back as it
// was; of all others the error is ErrNotYetWritable.
func TestDowncastValuesComeBack(t *testing.T) {
	r := client(t, server(t).URL())
	before := set(t, r, payments()[3].Current())
	today := set(t, r, paymentsBack()...)
	rapid.Check(t, func(t *rapid.T) {
		paid := Paid{Money{
			rapid.Int64Range(0, 3000).Draw(t, "cents"),
			rapid.SampledFrom([]string{"EUR", "", "A B"}).Draw(t, "currency"),
		}}
		b, err := today.Encode(paid)
		if able := today.Writable(paid); (able == nil) != (err == nil) {
			t.Fatalf("it can be written: %v; encoded: %v", able, err)
		}
		if paid.Money.Cents%100 != 0 {
			if !errors.Is(err, codecs.ErrNotYetWritable) || !strings.Contains(err.Error(), "no whole euros") {
				t.Fatalf("%+v: %v", paid, err)
			}
			return
		}
		if err != nil {
			t.Fatal(err)
		}
		if got, err := today.Decode(t.Context(), b); err != nil || got != paid {
			t.Fatalf("%+v is read as %+v, %v", paid, got, err)
		}
		if got, err := before.Decode(t.Context(), b); err != nil {
			t.Fatalf("the former program reads %+v, %v", got, err)
		}
	})
}
