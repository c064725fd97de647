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
	of       string // the aggregate that it is an option of; empty: none
	index    []int  // of the field in Config, or in Aggregate
	goType   reflect.Type
	byText   string // the default
	help     string
	min, max string
	oneOf    []string
}

// aggregatesKey is the section of the aggregates' own sections.
const aggregatesKey = "aggregates"

// Options are all options of a program. They depend on its aggregates.
type Options struct {
	all []option // in the order of Config
}

// AggregateDefaults names an aggregate, and the defaults of its options that differ from the general
// ones, by their keys, such as "recent-commands".
type AggregateDefaults struct {
	Name     string
	Defaults map[string]string
}

// NewOptions returns the options of a program with these aggregates.
func NewOptions(aggregates ...AggregateDefaults) *Options {
	o := &Options{}
	config := reflect.TypeFor[Config]()
	for i := range config.NumField() {
		f := config.Field(i)
		if f.Name != "Aggregates" {
			o.all = append(o.all, describe(f.Type, f.Tag.Get("key")+".", []int{i})...)
			continue
		}
		for _, a := range aggregates {
			section := describe(reflect.TypeFor[Aggregate](), aggregatesKey+"."+a.Name+".", nil)
			for i := range section {
				section[i].of = a.Name
				if text, has := a.Defaults[section[i].key()]; has {
					section[i].byText = text
				}
			}
			o.all = append(o.all, section...)
		}
	}
	return o
}

// names returns the names of the aggregates.
func (all *Options) names() (names []string) {
	for _, opt := range all.all {
		if opt.of != "" && (len(names) == 0 || names[len(names)-1] != opt.of) {
			names = append(names, opt.of)
		}
	}
	return names
}

var secretType = reflect.TypeFor[Secret]()

// describe collects the options of a section and those below it, by the tags that [Config] explains.
func describe(section reflect.Type, prefix string, index []int) (all []option) {
	for i := range section.NumField() {
		f := section.Field(i)
		key := f.Tag.Get("key")
		path, at := prefix+key, append(append([]int(nil), index...), i)
		switch {
		case key == "":
			panic(fmt.Sprintf("config: %v.%s has no key", section, f.Name))
		case key == "-":
			continue
		case key == ",inline":
			all = append(all, describe(f.Type, prefix, at)...)
			continue
		case f.Type.Kind() == reflect.Struct:
			all = append(all, describe(f.Type, path+".", at)...)
			continue
		}
		o := option{
			path: path, index: at, goType: f.Type, byText: f.Tag.Get("default"), help: f.Tag.Get("help"),
			min: f.Tag.Get("min"), max: f.Tag.Get("max"),
		}
		if choices, has := f.Tag.Lookup("oneof"); has {
			o.oneOf = strings.Split(choices, "|")
		}
		all = append(all, o)
	}
	return all
}

// key is the option's name in its section.
func (o option) key() string { return o.path[strings.LastIndexByte(o.path, '.')+1:] }

func (o option) field(c *Config) reflect.Value {
	if o.of != "" {
		return reflect.ValueOf(c.Aggregates[o.of]).Elem().FieldByIndex(o.index)
	}
	return reflect.ValueOf(c).Elem().FieldByIndex(o.index)
}

func (o option) secret() bool { return o.goType == secretType }

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
	switch o.goType {
	case reflect.TypeFor[[]string]():
		return "list"
	case reflect.TypeFor[time.Duration]():
		return "duration"
	case reflect.TypeFor[Bytes]():
		return "size"
	case secretType:
		return "secret"
	}
	switch kind := o.goType.Kind(); kind {
	case reflect.Int64:
		return "int"
	case reflect.Float64:
		return "number"
	default:
		return kind.String()
	}
}
