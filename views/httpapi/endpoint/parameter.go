package endpoint

import (
	"fmt"
	"net/http"
	"reflect"
	"strconv"

	"github.com/danielgtaylor/huma/v2"

	"refold/client/wire"
	"refold/codecs/jsonvalue"
)

// Parameter is a parameter of requests. It is the type of a field whose tag, `query:"after"`, says where it
// is and what it is called. A string is read as it is; any other type embeds Text and reads itself by
// UnmarshalText, which huma calls if there is something to read.
type Parameter interface {
	// Describe returns the parameter but for its place and name, see Param; nil: there is none by this name.
	// The field's tag must then have hidden:"true", too, so that huma does not describe it.
	Describe(c Context) *huma.Param
}

// Param is a parameter's description. The example may be nil.
func Param(description string, schema *huma.Schema, example any) *huma.Param {
	return &huma.Param{Description: description, Schema: schema, Example: example}
}

// parametersOf describes the parameters in a struct, in their order. A field with such a tag that is no
// Parameter is a mistake in the program.
func parametersOf[I any](c Context) []*huma.Param {
	var all []*huma.Param
	for _, field := range reflect.VisibleFields(reflect.TypeFor[I]()) {
		for _, in := range []string{"path", "query", "header"} {
			name := field.Tag.Get(in)
			if name == "" {
				continue
			}
			itself, is := reflect.New(field.Type).Interface().(Parameter)
			if !is {
				panic(fmt.Sprintf("httpapi: the type %v of %s is no parameter", field.Type, name))
			}
			if p := itself.Describe(c); p != nil {
				p.Name, p.In, p.Required = name, in, in == "path"
				all = append(all, p)
			}
		}
	}
	return all
}

// Text is a parameter as it was sent, and what would be right if it is wrong. It is a part of parameters that
// read themselves.
type Text struct {
	Sent    string // empty: it is not given
	allowed string // empty: it is right
}

// Refuse notes what would be right.
func (t *Text) Refuse(allowed string) { t.allowed = allowed }

// Resolve returns what is wrong, for huma to collect.
func (t *Text) Resolve(_ huma.Context, path *huma.PathBuffer) []error {
	if t.allowed == "" {
		return nil
	}
	return []error{&Mistake{Path: path.String(), Allowed: t.allowed, Found: t.Sent}}
}

// Mistake is an error of a parameter, as huma collects them.
type Mistake wire.Mistake

func (m *Mistake) Error() string { return m.Path + ": " + m.Allowed }

// GetStatus returns the status of the answer.
func (m *Mistake) GetStatus() int { return http.StatusBadRequest }

// ErrorDetail returns the mistake as huma keeps it.
func (m *Mistake) ErrorDetail() *huma.ErrorDetail {
	return &huma.ErrorDetail{Location: m.Path, Message: m.Allowed, Value: m.Found}
}

// Number is a parameter that is a whole number. It is a part of such parameters: these know from where.
type Number struct {
	Text
	N int64 // 0 if it is not given
}

// Read reads a number that is not less than low; allowed says what would be right. JSON Schema calls 3.0 an
// integer, too. The error is always nil, for UnmarshalText to return: Resolve tells what is wrong.
func (n *Number) Read(text []byte, low int64, allowed string) error {
	n.Sent = string(text)
	var ok bool
	if n.N, ok = jsonvalue.ParseInteger(n.Sent, 64); !ok || n.N < low {
		n.Refuse(allowed)
	}
	return nil
}

// Limit is how many items a page may have; Limits.DefaultRows if it is not given.
type Limit struct{ Number }

// UnmarshalText reads the number. Its bounds are the server's, so that Resolve looks at them.
func (l *Limit) UnmarshalText(text []byte) error { return l.Read(text, 1, "a whole number from 1") }

// Resolve says that the number is out of its bounds.
func (l *Limit) Resolve(ctx huma.Context, path *huma.PathBuffer) []error {
	c, _ := ctx.Operation().Metadata[contextOf].(Context)
	if l.Sent == "" {
		l.N = int64(c.DefaultRows())
	} else if l.allowed != "" || l.N > int64(c.PageRows) {
		l.Refuse("a whole number from 1 to " + strconv.Itoa(c.PageRows))
	}
	return l.Text.Resolve(ctx, path)
}

// DefaultRows is the limit of a page whose request names none.
func (l Limits) DefaultRows() int { return max(l.PageRows/10, 1) }
