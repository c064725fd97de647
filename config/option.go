package config

import (
	"fmt"
	"reflect"
	"strings"
	"time"
)

// EnvPrefix begins the names of all environment variables that are read.
const EnvPrefix = "REFOLD_"

// option is one value that can be configured.
type option struct {
	path     string // "http.body-bytes": in the file, and as a flag
	index    []int  // of the field in Config
	byText   string // the default
	help     string
	min, max string
	oneOf    []string
}

// options are all of them, in the order of Config.
var options = describe(reflect.TypeFor[Config](), "", nil)

var secretType = reflect.TypeFor[Secret]()

// describe collects the options of a section and those below it.
func describe(section reflect.Type, prefix string, index []int) (all []option) {
	for i := range section.NumField() {
		f := section.Field(i)
		path := prefix + f.Tag.Get("key")
		at := append(append([]int(nil), index...), i)
		if f.Type.Kind() == reflect.Struct {
			all = append(all, describe(f.Type, path+".", at)...)
			continue
		}
		o := option{
			path: path, index: at, byText: f.Tag.Get("default"), help: f.Tag.Get("help"),
			min: f.Tag.Get("min"), max: f.Tag.Get("max"),
		}
		if choices, has := f.Tag.Lookup("oneof"); has {
			o.oneOf = strings.Split(choices, "|")
		}
		all = append(all, o)
	}
	return all
}

func (o option) field(c *Config) reflect.Value {
	return reflect.ValueOf(c).Elem().FieldByIndex(o.index)
}

func (o option) secret() bool {
	return o.index != nil && reflect.TypeFor[Config]().FieldByIndex(o.index).Type == secretType
}

// env is the name of the option's environment variable.
func (o option) env() string {
	return EnvPrefix + strings.NewReplacer(".", "_", "-", "_").Replace(strings.ToUpper(o.path))
}

// set takes text for the option's value. The error says what is allowed.
func (o option) set(c *Config, text string) error {
	field := o.field(c)
	if err := set(field, text); err != nil {
		return err
	}
	if o.oneOf != nil {
		for _, choice := range o.oneOf {
			if choice == text {
				return nil
			}
		}
		return fmt.Errorf("%s", o.allowed())
	}
	for _, bound := range []struct {
		text  string
		wrong func(value, bound float64) bool
	}{
		{o.min, func(v, b float64) bool { return !(v >= b) }},
		{o.max, func(v, b float64) bool { return !(v <= b) }},
	} {
		if bound.text == "" {
			continue
		}
		limit := reflect.New(field.Type()).Elem()
		if err := set(limit, bound.text); err != nil {
			panic(fmt.Sprintf("config: the bound %q of %s is not %v", bound.text, o.path, err))
		}
		if bound.wrong(number(field), number(limit)) {
			return fmt.Errorf("%s", o.allowed())
		}
	}
	return nil
}

// allowed says which values are, beyond the type; empty if all are.
func (o option) allowed() string {
	switch {
	case o.oneOf != nil:
		return "one of " + strings.Join(quoteEmpty(o.oneOf), ", ")
	case o.min != "" && o.max != "":
		return o.min + " to " + o.max
	case o.min != "":
		return "at least " + o.min
	}
	return ""
}

func quoteEmpty(choices []string) []string {
	quoted := make([]string, len(choices))
	for i, c := range choices {
		if quoted[i] = c; c == "" {
			quoted[i] = "empty"
		}
	}
	return quoted
}

// number is a value as a number; what is none (NaN) breaks every bound.
func number(v reflect.Value) float64 {
	if v.Kind() == reflect.Float64 {
		return v.Float()
	}
	return float64(v.Int())
}

// kind says in a word what the option's value is, for the reference.
func (o option) kind() string {
	switch reflect.TypeFor[Config]().FieldByIndex(o.index).Type {
	case reflect.TypeFor[[]string]():
		return "list"
	case reflect.TypeFor[time.Duration]():
		return "duration"
	case reflect.TypeFor[Bytes]():
		return "size"
	case secretType:
		return "secret"
	}
	switch kind := reflect.TypeFor[Config]().FieldByIndex(o.index).Type.Kind(); kind {
	case reflect.Int64:
		return "int"
	case reflect.Float64:
		return "number"
	default:
		return kind.String()
	}
}
