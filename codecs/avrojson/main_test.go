package avrojson_test

import (
	"errors"
	"testing"

	"github.com/twmb/avro"

	"refold/codecs/avrojson"
	"refold/codecs/avrotype"
	"refold/codecs/jsonvalue"
)

// typeOf returns the type that a schema describes.
func typeOf(tb testing.TB, schema string) *avrotype.Type {
	tb.Helper()
	parsed, err := avro.Parse(schema)
	if err != nil {
		tb.Fatal(err)
	}
	return avrotype.Of(parsed)
}

// codecOf returns the codec of a schema.
func codecOf(tb testing.TB, schema string) *avrojson.Codec {
	tb.Helper()
	parsed, err := avro.Parse(schema)
	if err != nil {
		tb.Fatal(err)
	}
	codec, err := avrojson.NewCodec(parsed, avrotype.Of(parsed))
	if err != nil {
		tb.Fatal(err)
	}
	return codec
}

var limits = avrojson.Limits{Depth: 64, DefaultBytes: 8 << 20}

// read returns the Avro data of JSON; the error lists all that is wrong with it.
func read(codec *avrojson.Codec, data []byte) ([]byte, error) {
	text, err := jsonvalue.Parse(data, 1<<20)
	if err != nil {
		return nil, err
	}
	out, mistakes, err := codec.Read(text, limits)
	errs := []error{err}
	for _, m := range mistakes {
		errs = append(errs, errors.New(m.String()))
	}
	return out, errors.Join(errs...)
}
