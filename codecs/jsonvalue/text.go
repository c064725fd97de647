package codecs

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// A JSON value is nil, a bool, a json.Number, a string, a []any or an *object. It keeps what
// encoding/json alone would lose: the order of an object's members, and those that come twice.
type object struct{ members []member }

type member struct {
	name  string
	value any
}

// parseJSON returns the one value that data consists of, or what is wrong with it.
func parseJSON(data []byte, limits Limits) (any, *Mistake) {
	if len(data) > limits.RecordBytes {
		return nil, &Mistake{
			Found:   fmt.Sprintf("%d bytes", len(data)),
			Allowed: fmt.Sprintf("at most %d bytes", limits.RecordBytes),
		}
	}
	if len(bytes.TrimSpace(data)) == 0 {
		return nil, &Mistake{Found: "nothing", Allowed: "one JSON object"}
	}
	// encoding/json would silently replace what is not UTF-8.
	if at := invalidUTF8(data); at >= 0 {
		return nil, syntaxMistake(data, at, fmt.Sprintf("the byte %#02x", data[at]), "UTF-8")
	}
	var whole json.RawMessage
	if err := json.Unmarshal(data, &whole); err != nil {
		at := len(data)
		syntax, is := errors.AsType[*json.SyntaxError](err)
		if is && !strings.HasPrefix(err.Error(), "unexpected end") {
			at = int(syntax.Offset) - 1 // that of the byte after the offending one
		}
		return nil, syntaxMistake(data, at, err.Error(),
			"valid JSON, one value and nothing after it")
	}
	if at := halfSurrogate(data); at >= 0 {
		return nil, syntaxMistake(data, at, "half a surrogate pair",
			`both halves, as in "\ud83d\ude00"`)
	}
	p := jsonParser{decoder: json.NewDecoder(bytes.NewReader(data)), data: data, limits: limits}
	p.decoder.UseNumber()
	return p.value(0)
}

func invalidUTF8(data []byte) int {
	for i := 0; i < len(data); {
		r, size := utf8.DecodeRune(data[i:])
		if r == utf8.RuneError && size == 1 {
			return i
		}
		i += size
	}
	return -1
}

// halfSurrogate finds an escape that is no character by itself, in JSON that is valid otherwise:
// encoding/json would silently replace it.
func halfSurrogate(data []byte) int {
	for at := 0; ; {
		next := bytes.IndexByte(data[at:], '\\')
		if next < 0 {
			return -1
		}
		at += next
		r := escapedRune(data[at:])
		switch {
		case !utf16.IsSurrogate(r):
			at += 2
		case utf16.DecodeRune(r, escapedRune(data[at+len(`\ud83d`):])) == utf8.RuneError:
			return at
		default:
			at += len(`\ud83d\ude00`)
		}
	}
}

// escapedRune returns what the escape at the beginning of data stands for; 0 if it has no number.
func escapedRune(data []byte) rune {
	const length = len(`\ud83d`)
	if len(data) < length || data[0] != '\\' || data[1] != 'u' {
		return 0
	}
	r, err := strconv.ParseUint(string(data[2:length]), 16, 16)
	if err != nil {
		return 0
	}
	return rune(r)
}

// syntaxMistake says where in the text something is wrong, as an editor counts.
func syntaxMistake(data []byte, at int, found, allowed string) *Mistake {
	at = max(0, min(at, len(data)))
	before := data[:at]
	line := 1 + bytes.Count(before, []byte("\n"))
	column := 1 + utf8.RuneCount(before[bytes.LastIndexByte(before, '\n')+1:])
	return &Mistake{
		Found:   fmt.Sprintf("%s at line %d, column %d", found, line, column),
		Allowed: allowed,
	}
}

type jsonParser struct {
	decoder *json.Decoder
	data    []byte
	limits  Limits
}

// value reads a value of JSON that is known to be valid.
func (p *jsonParser) value(depth int) (any, *Mistake) {
	token, err := p.decoder.Token()
	if err != nil {
		return nil, p.unexpected(err)
	}
	delimiter, is := token.(json.Delim)
	if !is {
		return token, nil
	}
	if depth >= p.limits.JSONDepth {
		return nil, syntaxMistake(p.data, int(p.decoder.InputOffset())-1,
			"nesting deeper than "+strconv.Itoa(p.limits.JSONDepth),
			"at most "+strconv.Itoa(p.limits.JSONDepth)+" levels")
	}
	if delimiter == '[' {
		return p.array(depth)
	}
	return p.object(depth)
}

func (p *jsonParser) array(depth int) (any, *Mistake) {
	items := []any{}
	for p.decoder.More() {
		item, mistake := p.value(depth + 1)
		if mistake != nil {
			return nil, mistake
		}
		items = append(items, item)
	}
	return items, p.end()
}

func (p *jsonParser) object(depth int) (any, *Mistake) {
	o := &object{}
	for p.decoder.More() {
		token, err := p.decoder.Token()
		if err != nil {
			return nil, p.unexpected(err)
		}
		name, _ := token.(string)
		value, mistake := p.value(depth + 1)
		if mistake != nil {
			return nil, mistake
		}
		o.members = append(o.members, member{name, value})
	}
	return o, p.end()
}

// end reads the closing bracket.
func (p *jsonParser) end() *Mistake {
	if _, err := p.decoder.Token(); err != nil {
		return p.unexpected(err)
	}
	return nil
}

func (p *jsonParser) unexpected(err error) *Mistake {
	if errors.Is(err, io.EOF) {
		err = io.ErrUnexpectedEOF
	}
	return syntaxMistake(p.data, int(p.decoder.InputOffset()), err.Error(), "valid JSON")
}
