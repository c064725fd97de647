package avrotest

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"reflect"
	"testing"

	"github.com/linkedin/goavro/v2"
	"github.com/twmb/avro"
)

// CrossCheck fails the test unless each value, a struct that fits the schema, survives the way from
// twmb/avro to goavro and back. Times must be in UTC, and no finer than their logical type.
func CrossCheck(tb testing.TB, schema string, values ...any) {
	tb.Helper()
	if len(values) == 0 {
		tb.Fatal("CrossCheck: no values")
	}
	p := parse(tb, schema)
	for _, value := range values {
		if err := p.check(value); err != nil {
			tb.Errorf("%T %+v: %v", value, value, err)
		}
	}
}

// randomValues is how many values CrossCheckSchema makes.
const randomValues = 200

// CrossCheckSchema is CrossCheck without Go types: it makes values of its own, always the same
// ones, that reach every branch of the schema's unions.
func CrossCheckSchema(tb testing.TB, schema string) {
	tb.Helper()
	p := parse(tb, schema)
	// Without logical types and defaults: the bytes are the same, and so are the Go types then.
	p = parse(tb, string(p.avro.Canonical()))
	g := generator{random: rand.New(rand.NewPCG(1, 2)), names: map[string]*avro.SchemaNode{}}
	root := p.avro.Root()
	g.learn(root)
	for range randomValues {
		value := g.value(root, 0)
		if err := p.checkGeneric(value); err != nil {
			tb.Fatalf("%v: %v", value, err)
		}
	}
}

// pair is one schema in both libraries.
type pair struct {
	avro   *avro.Schema
	goavro *goavro.Codec
}

func parse(tb testing.TB, schema string) pair {
	tb.Helper()
	a, err := avro.Parse(schema)
	if err != nil {
		tb.Fatalf("twmb/avro does not parse the schema: %v\n%s", err, schema)
	}
	b, err := goavro.NewCodec(schema)
	if err != nil {
		tb.Fatalf("goavro does not parse the schema: %v\n%s", err, schema)
	}
	return pair{a, b}
}

// check sends a typed value there and back. The bytes are compared by what they mean: the order of
// a map's keys is nobody's promise.
func (p pair) check(value any) error {
	written, err := p.avro.Encode(pointerTo(value).Interface())
	if err != nil {
		return fmt.Errorf("twmb/avro does not write it: %w", err)
	}
	native, rest, err := p.goavro.NativeFromBinary(written)
	if err != nil {
		return fmt.Errorf("goavro does not read what twmb/avro wrote (%x): %w", written, err)
	}
	if len(rest) > 0 {
		return fmt.Errorf("goavro leaves %x of what twmb/avro wrote (%x)", rest, written)
	}
	again, err := p.goavro.BinaryFromNative(nil, native)
	if err != nil {
		return fmt.Errorf("goavro does not write what it read (%v): %w", native, err)
	}
	back := reflect.New(reflect.TypeOf(value))
	rest, err = p.avro.Decode(again, back.Interface())
	if err != nil {
		return fmt.Errorf("twmb/avro does not read what goavro wrote (%x): %w", again, err)
	}
	if len(rest) > 0 {
		return fmt.Errorf("twmb/avro leaves %x of what goavro wrote (%x)", rest, again)
	}
	if got := back.Elem().Interface(); !reflect.DeepEqual(got, value) {
		return fmt.Errorf("it comes back as %+v", got)
	}
	return nil
}

func pointerTo(value any) reflect.Value {
	p := reflect.New(reflect.TypeOf(value))
	p.Elem().Set(reflect.ValueOf(value))
	return p
}

// checkGeneric sends a value in goavro's form there and back.
func (p pair) checkGeneric(value any) error {
	written, err := p.goavro.BinaryFromNative(nil, value)
	if err != nil {
		return fmt.Errorf("goavro does not write it: %w", err)
	}
	var read any
	rest, err := p.avro.Decode(written, &read, avro.TaggedUnions())
	if err != nil || len(rest) > 0 {
		return fmt.Errorf("twmb/avro reads what goavro wrote (%x), leaving %x: %w",
			written, rest, err)
	}
	again, err := p.avro.Encode(read)
	if err != nil {
		return fmt.Errorf("twmb/avro does not write what it read (%v): %w", read, err)
	}
	back, rest, err := p.goavro.NativeFromBinary(again)
	if err != nil || len(rest) > 0 {
		return fmt.Errorf("goavro reads what twmb/avro wrote (%x), leaving %x: %w",
			again, rest, err)
	}
	if !equal(back, value) {
		return fmt.Errorf("it comes back as %v", back)
	}
	return nil
}

// equal compares natives; bytes may be nil or empty.
func equal(a, b any) bool {
	switch a := a.(type) {
	case []byte:
		b, is := b.([]byte)
		return is && bytes.Equal(a, b)
	case []any:
		b, is := b.([]any)
		if !is || len(a) != len(b) {
			return false
		}
		for i := range a {
			if !equal(a[i], b[i]) {
				return false
			}
		}
		return true
	case map[string]any:
		b, is := b.(map[string]any)
		if !is || len(a) != len(b) {
			return false
		}
		for key := range a {
			if _, has := b[key]; !has || !equal(a[key], b[key]) {
				return false
			}
		}
		return true
	}
	return a == b
}
