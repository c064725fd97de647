package jsonvalue_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"reflect"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"refold/codecs/jsonvalue"
)

func TestParseRefuses(t *testing.T) {
	for name, test := range map[string]struct {
		text         string
		found        string
		line, column int
	}{
		"nothing":         {" \n", "nothing", 0, 0},
		"too much":        {strings.Repeat("1", 101), "101 bytes", 0, 0},
		"not UTF-8":       {"{\n\"ä\": \"\xff\"}", "the byte 0xff", 2, 7},
		"no JSON":         {"{\"a\": 'x'}", "invalid character", 1, 7},
		"cut short":       {"[1,\n", "unexpected end", 2, 1},
		"two values":      {"1 2", "invalid character", 1, 3},
		"half a pair":     {`["\\\ud800"]`, "half a surrogate pair", 1, 5},
		"the other half":  {`"\udc00\ud800"`, "half a surrogate pair", 1, 2},
		"half in a name":  {`{"\ud800x": 1}`, "half a surrogate pair", 1, 3},
		"a leading comma": {"[,1]", "invalid character", 1, 2},
	} {
		_, err := jsonvalue.Parse([]byte(test.text), 100)
		syntax, is := errors.AsType[*jsonvalue.SyntaxError](err)
		if !is || !strings.Contains(syntax.Found, test.found) ||
			syntax.Line != test.line || syntax.Column != test.column {
			t.Errorf("%s: got %v, want %q at line %d, column %d",
				name, err, test.found, test.line, test.column)
		}
	}
}

func TestDepthIsThatOfArraysAndObjects(t *testing.T) {
	for text, depth := range map[string]int{
		`1`: 0, `"[[["`: 0, `[]`: 1, `[[],[]]`: 2, `{"[": {"a": [1, "]]]", {}]}}`: 4,
	} {
		parsed, err := jsonvalue.Parse([]byte(text), 100)
		if err != nil {
			t.Fatal(err)
		}
		if err := parsed.CheckDepth(depth); err != nil {
			t.Errorf("%s: %v", text, err)
		}
		if depth > 0 && parsed.CheckDepth(depth-1) == nil {
			t.Errorf("%s has no more than %d levels", text, depth-1)
		}
	}
}

func TestMembersAreAsTheyStandThere(t *testing.T) {
	text, err := jsonvalue.Parse([]byte(` { "b" : [1, {"x":2}] ,"a":"\u00e4", "b": null} `), 100)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for name, value := range text.Members() {
		got = append(got, name+"="+string(value.Bytes()))
	}
	if want := []string{`b=[1, {"x":2}]`, `a="\u00e4"`, `b=null`}; !reflect.DeepEqual(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	for name, value := range text.Members() {
		if s, is := value.Unquoted(); is != (name == "a") || is && s != "ä" {
			t.Errorf("%s is %q, %v", name, s, is)
		}
	}
	for range (jsonvalue.Text{}).Members() {
		t.Error("nothing has a member")
	}
}

func TestParseFloat(t *testing.T) {
	for text, want := range map[string]struct{ in32, in64 bool }{
		"0": {true, true}, "-0.0e9": {true, true}, "3.4028235e38": {true, true},
		"-340282350000000000000000000000000000000": {true, true}, "3.40282350000001e38": {false, true},
		"1e-999": {true, true}, "1e39": {false, true}, "1.7976931348623158e308": {false, true},
		"1.79769313486231580000000001e308": {false, false}, "-2e308": {false, false},
	} {
		_, in32 := jsonvalue.ParseFloat(text, 32)
		_, in64 := jsonvalue.ParseFloat(text, 64)
		if in32 != want.in32 || in64 != want.in64 {
			t.Errorf("%s: %v, %v, want %v", text, in32, in64, want)
		}
	}
}

// walk writes what a cursor reads, without space.
func walk(c *jsonvalue.Cursor, out *bytes.Buffer) {
	separator := ""
	switch c.Peek() {
	case '[':
		out.WriteByte('[')
		for c.Enter(); c.More(); separator = "," {
			out.WriteString(separator)
			walk(c, out)
		}
		out.WriteByte(']')
	case '{':
		out.WriteByte('{')
		for c.Enter(); c.More(); separator = "," {
			out.WriteString(separator)
			out.Write(jsonvalue.AppendString(nil, string(c.Name())))
			out.WriteByte(':')
			walk(c, out)
		}
		out.WriteByte('}')
	case '"':
		out.Write(jsonvalue.AppendString(nil, string(jsonvalue.Unquote(c.Token()))))
	default:
		out.Write(c.Token())
	}
}

// What is taken is what encoding/json takes and keeps as it is; a cursor reads all of it, and skips all of
// it.
func checkParse(t interface{ Fatalf(string, ...any) }, data []byte) {
	text, err := jsonvalue.Parse(data, 1<<20)
	if err != nil {
		if _, is := errors.AsType[*jsonvalue.SyntaxError](err); !is {
			t.Fatalf("%q: %v", data, err)
		}
		return
	}
	if !json.Valid(data) {
		t.Fatalf("%q is taken", data)
	}
	if text.CheckDepth(100) != nil {
		return
	}
	c := text.Cursor()
	var got bytes.Buffer
	walk(&c, &got)
	skipping := text.Cursor()
	skipping.Skip()
	if !reflect.DeepEqual(skipping, c) {
		t.Fatalf("%q is not skipped to its end", data)
	}
	var a, b any
	if json.Unmarshal(data, &a) != nil || json.Unmarshal(got.Bytes(), &b) != nil || !reflect.DeepEqual(a, b) {
		t.Fatalf("%q is read as %q", data, got.Bytes())
	}
}

func FuzzParse(f *testing.F) {
	for _, seed := range []string{
		`{"a": [1, -2.5e3, "x\n\ud83d\ude00", null, true, {}, []], "a": "é"}`, ` "\\\"" `, "[[[]]]",
		"\ufeff{}",
		`{"\u0000": {"": false}}`, "1", "[1,]",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) { checkParse(t, data) })
}

func TestParse(t *testing.T) {
	piece := rapid.SampledFrom([]string{
		"{", "}", "[", "]", ",", ":", " ", "\n", `"a"`, `"\ud83d\ude00"`, `"\ud83d"`, `"\\"`, "1", "-1.5e3",
		"null", "true", `{"a":1}`, `[1,2]`, "\xff", `"x`,
	})
	rapid.Check(t, func(t *rapid.T) {
		checkParse(t, []byte(strings.Join(rapid.SliceOfN(piece, 1, 12).Draw(t, "pieces"), "")))
	})
}
