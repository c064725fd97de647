package jsonschema

import (
	"encoding/json"
	"fmt"
	"strconv"

	"refold/codecs/avrojson"
	"refold/codecs/excerpt"
	"refold/codecs/jsonvalue"
)

// Instance is JSON that was read.
type Instance struct {
	// Canonical is its text without white space, members in their order, and whole numbers in plain digits:
	// 3.0 is an integer in JSON Schema, and encoding/json refuses it for a Go integer.
	Canonical []byte

	value any // as the validator takes it
}

const (
	// maxNumberBytes limits a number: the validator computes with all its digits.
	maxNumberBytes = 1000
	// maxFoundBytes limits what a message repeats of the JSON.
	maxFoundBytes = 60
	// maxMistakes limits the list: JSON with a hundred mistakes was meant for something else.
	maxMistakes = 100
)

// Read reads JSON that is nested at most depth levels deep. The mistakes are those that no schema allows:
// members that come twice, and numbers that a float64 can't hold.
func Read(text jsonvalue.Text, depth int) (Instance, []avrojson.Mistake) {
	if err := text.CheckDepth(depth); err != nil {
		return Instance{}, []avrojson.Mistake{avrojson.SyntaxMistake(err)}
	}
	r := reader{in: text.Cursor()}
	value := r.read("")
	return Instance{Canonical: r.out, value: value}, r.mistakes
}

type reader struct {
	in       jsonvalue.Cursor
	out      []byte
	mistakes []avrojson.Mistake
}

func (r *reader) wrong(path, found, allowed string) {
	if len(r.mistakes) < maxMistakes {
		r.mistakes = append(r.mistakes, avrojson.Mistake{Path: path, Found: found, Allowed: allowed})
	}
}

func (r *reader) read(path string) any {
	switch r.in.Peek() {
	case '{':
		return r.object(path)
	case '[':
		return r.array(path)
	case '"':
		text := string(jsonvalue.Unquote(r.in.Token()))
		r.out = jsonvalue.AppendString(r.out, text)
		return text
	case 't', 'f', 'n':
		token := r.in.Token()
		r.out = append(r.out, token...)
		switch token[0] {
		case 't':
			return true
		case 'f':
			return false
		}
		return nil
	}
	return r.number(path, string(r.in.Token()))
}

func (r *reader) object(path string) any {
	object := map[string]any{}
	r.out = append(r.out, '{')
	for r.in.Enter(); r.in.More(); {
		name := string(r.in.Name())
		at := member(path, name)
		if _, twice := object[name]; twice {
			r.wrong(at, "the member twice", "one member of that name")
			r.in.Skip()
			continue
		}
		if len(object) > 0 {
			r.out = append(r.out, ',')
		}
		r.out = append(jsonvalue.AppendString(r.out, name), ':')
		object[name] = r.read(at)
	}
	r.out = append(r.out, '}')
	return object
}

func (r *reader) array(path string) any {
	array := []any{}
	r.out = append(r.out, '[')
	for r.in.Enter(); r.in.More(); {
		if len(array) > 0 {
			r.out = append(r.out, ',')
		}
		array = append(array, r.read(item(path, len(array))))
	}
	r.out = append(r.out, ']')
	return array
}

func (r *reader) number(path, token string) any {
	if n, whole := jsonvalue.ParseInteger(token, 64); whole {
		token = strconv.FormatInt(n, 10)
	} else if f, fits := jsonvalue.ParseFloat(token, 64); !fits || f == 0 || len(token) > maxNumberBytes {
		// 1e-999999, too: the validator would compute with a million digits.
		r.wrong(path, excerpt.Of(token, maxFoundBytes), fmt.Sprintf(
			"a number that a double can hold, of at most %d characters", maxNumberBytes))
		token = "0"
	}
	r.out = append(r.out, token...)
	return json.Number(token)
}

// member returns the path of an object's member.
func member(path, name string) string {
	name = excerpt.Of(name, maxFoundBytes)
	if path == "" {
		return name
	}
	return path + "." + name
}

func item(path string, index int) string { return path + "[" + strconv.Itoa(index) + "]" }
