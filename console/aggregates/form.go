package aggregates

import (
	"net/url"
	"slices"
	"strconv"
	"strings"

	"refold/codecs/jsondiff"
	"refold/console/frame"
)

// Names of fields are paths: "f" is the command, "f.lines.0.sku" a member of an item of a member. A dot in a
// name is escaped.
const rootField = "f"

// setSuffix marks the checkbox that says whether a value that may be left out or null is there.
const setSuffix = "?"

func inField(field, name string) string {
	return field + "." + strings.ReplaceAll(url.QueryEscape(name), ".", "%2E")
}

// maxItems is how many items of a list a form may have.
const maxItems = 100

// filled makes a value of what a form's fields say. A number that is none stays a text: the API says what is
// wrong with it, and where.
func (s *shape) filled(form url.Values, field string) (*jsondiff.Value, error) {
	if (s.nullable || s.optional) && form.Get(field+setSuffix) == "" {
		if s.nullable {
			return &jsondiff.Value{Kind: jsondiff.Null, Text: "null"}, nil
		}
		return nil, nil //nolint:nilnil // it is left out
	}
	text := strings.ReplaceAll(form.Get(field), "\r\n", "\n")
	switch s.kind {
	case ofObject:
		return s.filledObject(form, field)
	case ofList:
		return s.filledList(form, field)
	case ofNumber:
		if v, err := jsondiff.Parse([]byte(strings.TrimSpace(text))); err == nil &&
			v.Kind == jsondiff.Number {
			return v, nil
		}
	case ofBool:
		if text == "true" || text == "false" {
			return &jsondiff.Value{Kind: jsondiff.Bool, Text: text}, nil
		}
	case ofJSON:
		v, err := jsondiff.Parse([]byte(text))
		if err != nil {
			return nil, frame.Invalid("The field " + label(field) + " must be JSON: " + err.Error() + ".")
		}
		return v, nil
	case ofText, ofEnum:
	}
	return &jsondiff.Value{Kind: jsondiff.Text, Text: text}, nil
}

func (s *shape) filledObject(form url.Values, field string) (*jsondiff.Value, error) {
	v := &jsondiff.Value{Kind: jsondiff.Object}
	for _, m := range s.members {
		inner, err := m.shape.filled(form, inField(field, m.name))
		if err != nil {
			return nil, err
		}
		if inner != nil {
			v.Members = append(v.Members, jsondiff.Member{Name: m.name, Value: inner})
		}
	}
	return v, nil
}

// filledList takes the items whose hidden fields are there, in the order of their numbers.
func (s *shape) filledList(form url.Values, field string) (*jsondiff.Value, error) {
	v := &jsondiff.Value{Kind: jsondiff.Array}
	var numbers []int
	for _, text := range form[field] {
		if n, err := strconv.Atoi(text); err == nil && n >= 0 && !slices.Contains(numbers, n) {
			numbers = append(numbers, n)
		}
	}
	if len(numbers) > maxItems {
		return nil, frame.Invalid("The list " + label(field) + " has more than " + strconv.Itoa(maxItems) +
			" items. Send such a command by the API.")
	}
	slices.Sort(numbers)
	for _, n := range numbers {
		item, err := s.item.filled(form, field+"."+strconv.Itoa(n))
		if err != nil {
			return nil, err
		}
		if item == nil {
			item = s.item.empty()
		}
		v.Items = append(v.Items, item)
	}
	return v, nil
}

// edited adds an item to a list, or removes one, as the button says that was pressed; it reports whether
// there was one.
func (s *shape) edited(v *jsondiff.Value, form url.Values) (edited bool) {
	if field := form.Get("add"); field != "" {
		if list, of := s.find(v, strings.Split(field, ".")[1:]); list != nil && of.kind == ofList &&
			len(list.Items) < maxItems {
			list.Items = append(list.Items, of.item.empty())
		}
		return true
	}
	if field := form.Get("remove"); field != "" {
		steps := strings.Split(field, ".")
		list, of := s.find(v, steps[1:len(steps)-1])
		n, err := strconv.Atoi(steps[len(steps)-1])
		if list != nil && of.kind == ofList && err == nil && n >= 0 && n < len(list.Items) {
			list.Items = slices.Delete(list.Items, n, n+1)
		}
		return true
	}
	return false
}

// find returns the value at the steps of a field, and its shape; nil if there is none.
func (s *shape) find(v *jsondiff.Value, steps []string) (*jsondiff.Value, *shape) {
	for _, step := range steps {
		if v == nil {
			return nil, s
		}
		switch s.kind {
		case ofObject:
			i := slices.IndexFunc(s.members, func(m member) bool { return inField("", m.name) == "."+step })
			if i < 0 {
				return nil, s
			}
			v, s = v.Member(s.members[i].name), s.members[i].shape
		case ofList:
			n, err := strconv.Atoi(step)
			if err != nil || n < 0 || n >= len(v.Items) {
				return nil, s
			}
			v, s = v.Items[n], s.item
		default:
			return nil, s
		}
	}
	return v, s
}

// label is a field's name for people: f.lines.0.sku is lines 1 sku.
func label(field string) string {
	var names []string
	for i, step := range strings.Split(field, ".") {
		if i == 0 {
			continue
		}
		name, err := url.QueryUnescape(step)
		if err != nil {
			name = step
		}
		if n, err := strconv.Atoi(step); err == nil {
			name = strconv.Itoa(n + 1)
		}
		names = append(names, name)
	}
	return strings.Join(names, " ")
}

// numbers are the numbers of the items of a list.
func numbers(v *jsondiff.Value) []int {
	if v == nil || v.Kind != jsondiff.Array {
		return nil
	}
	found := make([]int, min(len(v.Items), maxItems))
	for i := range found {
		found[i] = i
	}
	return found
}

// isSet reports whether a value that may be left out or null is there.
func isSet(v *jsondiff.Value) bool { return v != nil && v.Kind != jsondiff.Null }

// textOf is the text of a field.
func textOf(v *jsondiff.Value) string {
	switch {
	case !isSet(v):
		return ""
	case v.IsLeaf():
		return v.Text
	}
	return v.String()
}

// memberOf returns a member of an object; nil if there is none, or no object.
func memberOf(v *jsondiff.Value, name string) *jsondiff.Value {
	if v == nil {
		return nil
	}
	return v.Member(name)
}

// jsonOf is a value as JSON.
func jsonOf(v *jsondiff.Value) string {
	if v == nil {
		return ""
	}
	return v.String()
}
