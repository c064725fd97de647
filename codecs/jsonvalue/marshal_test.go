package jsonvalue_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"math"
	"math/big"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"refold/codecs/jsonvalue"
)

// Kept is embedded, and a struct of its own.
type Kept struct {
	Name   string `json:"name"`
	Hidden int    `json:"-"`
	Same   int
}

// other is embedded, and not exported; its fields are.
type other struct {
	Same  int
	Other *float32 `json:"other,omitempty"`
}

// Shown has a field of each kind that a state may have.
type Shown struct {
	Kept
	*other
	Flag     bool
	Small    int8 `json:"small,omitempty"`
	Large    int64
	Counts   uint64  `json:",string"`
	Ratio    float32 `json:"ratio"`
	Score    float64 `json:"score,string"`
	Text     string  `json:"text,string"`
	Blob     []byte
	Hash     [3]byte
	List     []float64        `json:"list"`
	Nested   []Kept           `json:"nested,omitempty"`
	Names    map[string]Kept  `json:"names"`
	Numbers  map[int64]string `json:"numbers,omitempty"`
	At       time.Time        `json:"at,omitzero"`
	Took     time.Duration
	Any      any
	Raw      json.RawMessage
	Big      *big.Int
	Next     *Shown
	internal int
}

// value draws one that encoding/json takes.
func value(t *rapid.T, depth int) Shown {
	text := func() string {
		return string(rapid.SliceOf(rapid.Byte()).Draw(t, "text")) + rapid.String().Draw(t, "text")
	}
	v := Shown{
		Kept: Kept{Name: text(), Hidden: 1, Same: 2}, Flag: rapid.Bool().Draw(t, "flag"),
		Small: rapid.Int8().Draw(t, "small"), Large: rapid.Int64().Draw(t, "large"),
		Counts: rapid.Uint64().Draw(t, "counts"), Ratio: rapid.Float32().Draw(t, "ratio"),
		Score: rapid.Float64().Draw(t, "score"), Text: text(),
		Blob: rapid.SliceOf(rapid.Byte()).Draw(t, "blob"),
		List: rapid.SliceOf(rapid.Float64()).Draw(t, "list"), Took: 5, internal: 1,
		Raw: json.RawMessage(`{"a": "<1>"}`),
		At:  time.Unix(rapid.Int64Range(-1e9, 1e10).Draw(t, "at"), 0).UTC(),
		Big: big.NewInt(rapid.Int64().Draw(t, "big")),
	}
	if math.IsInf(float64(v.Ratio), 0) {
		v.Ratio = 0
	}
	if depth == 0 {
		return v
	}
	ratio := float32(0.25)
	next := value(t, depth-1)
	v.other, v.Next, v.At = &other{Same: 3, Other: &ratio}, &next, time.Time{}
	v.Any = map[string]any{"x": text(), "l": []int{1}}
	v.Nested = []Kept{{Name: text()}, {}}
	v.Names = map[string]Kept{text(): {}, "b": {Name: "b"}, "a": {}}
	v.Numbers = map[int64]string{10: "x", 9: text()}
	return v
}

func TestMarshalIsAsEncodingJSONWritesIt(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		v := value(t, rapid.IntRange(0, 2).Draw(t, "depth"))
		for _, v := range []any{v, &v, []any{v, nil, "x"}, map[string]any{"v": &v}} {
			var want bytes.Buffer
			encoder := json.NewEncoder(&want)
			encoder.SetEscapeHTML(false)
			if err := encoder.Encode(v); err != nil {
				t.Fatal(err)
			}
			got, err := jsonvalue.Marshal(v, 1<<20)
			if err != nil || string(got)+"\n" != want.String() {
				t.Fatalf("%v\ngot  %s\nwant %s", err, got, want.Bytes())
			}
		}
	})
}

func TestMarshalOfWhatEncodingJSONRefuses(t *testing.T) {
	type state struct {
		A, B, C float64
		D       *float32 `json:"d,string"`
		E       map[string]float64
	}
	nan := float32(math.NaN())
	got, err := jsonvalue.Marshal(state{
		math.NaN(), math.Inf(1), math.Inf(-1), &nan, map[string]float64{"x": math.NaN()},
	}, 1000)
	const want = `{"A":"NaN","B":"Infinity","C":"-Infinity","d":"NaN","E":{"x":"NaN"}}`
	if err != nil || string(got) != want {
		t.Errorf("got %s, %v, want %s", got, err, want)
	}
	loop := &Shown{}
	loop.Next = loop
	for name, test := range map[string]struct {
		value any
		want  error
	}{
		"a year of five digits": {time.Date(10000, 1, 1, 0, 0, 0, 0, time.UTC), jsonvalue.ErrNoJSON},
		"a channel":             {struct{ C chan int }{}, jsonvalue.ErrNoJSON},
		"a function":            {func() {}, jsonvalue.ErrNoJSON},
		"a complex number":      {complex(1, 2), jsonvalue.ErrNoJSON},
		"keys that are numbers": {map[float64]int{1: 1}, jsonvalue.ErrNoJSON},
		"no number":             {json.Number("one"), jsonvalue.ErrNoJSON},
		"no JSON":               {json.RawMessage("{"), jsonvalue.ErrNoJSON},
		"a panic":               {panics{}, jsonvalue.ErrNoJSON},
		"itself":                {loop, jsonvalue.ErrTooLarge},
		"much":                  {make([]struct{}, 1_000_000), jsonvalue.ErrTooLarge},
		"long":                  {strings.Repeat("x", 1001), jsonvalue.ErrTooLarge},
		"many bytes":            {make([]byte, 1<<20), jsonvalue.ErrTooLarge},
	} {
		if got, err := jsonvalue.Marshal(test.value, 1000); !errors.Is(err, test.want) {
			t.Errorf("%s: got %s, %v", name, got, err)
		}
	}
}

type panics struct{}

func (panics) MarshalJSON() ([]byte, error) { panic("no") }
