package codecs_test

import (
	"testing"

	"github.com/linkedin/goavro/v2"

	"refold/codecs"
)

// The hot path: a command is decoded, an event and a result are encoded, with their headers.

func BenchmarkEncode(b *testing.B) {
	events := set(b, client(b, server(b).URL()), bankTypes()...)
	var v any = deposited()
	b.ReportAllocs()
	for b.Loop() {
		if _, err := events.Encode(v); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkDecode(b *testing.B) {
	events := set(b, client(b, server(b).URL()), bankTypes()...)
	data, err := events.Encode(deposited())
	if err != nil {
		b.Fatal(err)
	}
	codec := events.Codec()
	b.ReportAllocs()
	for b.Loop() {
		if _, err := codec.Decode(data); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkDecodeOlderSchema(b *testing.B) {
	s := server(b)
	events := set(b, client(b, s.URL()), codecs.Record[Moved](movedSchema))
	data := wire(register(b, s, "bank.Moved", writtenSwapped), swapped...)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := events.Decode(b.Context(), data); err != nil {
			b.Fatal(err)
		}
	}
}

// What goavro would take for the same, including the map that it wants.
func BenchmarkEncodeGoavro(b *testing.B) {
	codec, v := goavroDeposited(b)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := codec.BinaryFromNative(nil, asMap(v)); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkDecodeGoavro(b *testing.B) {
	codec, v := goavroDeposited(b)
	data, err := codec.BinaryFromNative(nil, asMap(v))
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if _, _, err := codec.NativeFromBinary(data); err != nil {
			b.Fatal(err)
		}
	}
}

func goavroDeposited(b *testing.B) (*goavro.Codec, Deposited) {
	b.Helper()
	codec, err := goavro.NewCodec(depositedSchema)
	if err != nil {
		b.Fatal(err)
	}
	return codec, deposited()
}

func asMap(v Deposited) map[string]any {
	return map[string]any{
		"accountId": v.AccountID, "amount": v.Amount, "currency": v.Currency, "balance": v.Balance,
		"reference": v.Reference, "description": v.Description, "channel": v.Channel,
		"cash": v.Cash, "branch": v.Branch,
	}
}

func BenchmarkHeaders(b *testing.B) {
	m := metadata()
	b.ReportAllocs()
	for b.Loop() {
		_ = codecs.Headers(m)
	}
}

func BenchmarkMetadataFrom(b *testing.B) {
	h := recordHeaders(codecs.Headers(metadata()))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := codecs.MetadataFromRecord(h); err != nil {
			b.Fatal(err)
		}
	}
}

// The way of a command from JSON to its Go value, as a POST takes it.
func BenchmarkFromJSON(b *testing.B) {
	for name, test := range map[string]struct {
		typ  codecs.Type
		of   string
		text string
	}{
		"flat": {codecs.Record[Deposited](depositedSchema), "Deposited", `{"accountId": "account-4711",
			"amount": 12345, "currency": "EUR", "balance": 9876543, "reference": "invoice 2026-17",
			"description": "thank you", "channel": "online", "cash": true, "branch": 42}`},
		"nested": {codecs.Record[Everything](everythingSchema), "Everything", everythingJSON},
	} {
		b.Run(name, func(b *testing.B) {
			commands := set(b, client(b, server(b).URL()), test.typ)
			text := []byte(test.text)
			b.SetBytes(int64(len(text)))
			b.ReportAllocs()
			for b.Loop() {
				if _, err := commands.FromJSON(test.of, text); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
