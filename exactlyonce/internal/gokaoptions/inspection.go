package gokaoptions

import (
	"errors"
	"fmt"
	"reflect"

	"github.com/lovoo/goka"
)

// Inspection compares the options of a Goka processor before and after the caller's own. Put Before in front
// of the caller's options and After behind them; when Goka has applied all of them, Refused has the result.
type Inspection struct {
	before map[string]uintptr
	errs   []error
}

// kept lists the options (fields of Goka's struct) that must stay as they are, the function by which a caller
// replaces each, and what to do instead.
var kept = []struct{ field, option, instead string }{
	{"storage", "WithStorageBuilder", "set Config.Tables"},
	{"producer", "WithProducerBuilder", "set Config.Kafka"},
	{"consumerGroup", "WithConsumerGroupBuilder", "set Config.Kafka"},
	{"consumerSarama", "WithConsumerSaramaBuilder", "set Config.Kafka"},
	{"topicmgr", "WithTopicManagerBuilder", "make topics beforehand, or let this package do it"},
}

// refused lists options that must not be set.
var refused = map[string]string{"hotStandby": "WithHotStandby", "recoverAhead": "WithRecoverAhead"}

// Before returns an option that notes what the caller must not replace.
func (i *Inspection) Before() goka.ProcessorOption {
	i.before = make(map[string]uintptr)
	return option(func(options reflect.Value) {
		i.builders(options, func(field string, builder uintptr) bool {
			i.before[field] = builder
			return true
		})
	})
}

// After returns an option that notes what the caller has replaced or set.
func (i *Inspection) After() goka.ProcessorOption {
	return option(func(options reflect.Value) {
		i.builders(options, func(field string, builder uintptr) bool { return builder == i.before[field] })
		for field, name := range refused {
			if f := options.Elem().FieldByName(field); !f.IsValid() || f.Bool() {
				i.errs = append(i.errs, fmt.Errorf("goka.%s is refused: it restores tables while their "+
					"owner may still be writing; give Config.Tables stores that outlive a session instead",
					name))
			}
		}
	})
}

// Refused returns an error that names the caller's options that would take exactly once away, nil if there
// are none.
func (i *Inspection) Refused() error { return errors.Join(i.errs...) }

// builders calls keeps with each field of kept. One that is not kept is an error.
func (i *Inspection) builders(options reflect.Value, keeps func(field string, builder uintptr) bool) {
	builders := options.Elem().FieldByName("builders")
	for _, k := range kept {
		builder := reflect.Value{}
		if builders.IsValid() {
			builder = builders.FieldByName(k.field)
		}
		switch {
		case !builder.IsValid():
			i.errs = append(i.errs, fmt.Errorf("this release of Goka has no %s", k.option))
		case !keeps(k.field, builder.Pointer()):
			i.errs = append(i.errs, fmt.Errorf("goka.%s (or WithTester) would take exactly once away: %s",
				k.option, k.instead))
		}
	}
}

// option makes an option that looks at Goka's struct. The type of an option names that struct, so a function
// of the type can't be written down, but reflect can make one; and reflect allows reading (not setting) an
// unexported field. If a release of Goka renames a field, the look-up finds nothing, which is an error.
func option(look func(options reflect.Value)) goka.ProcessorOption {
	made := reflect.MakeFunc(reflect.TypeFor[goka.ProcessorOption](),
		func(args []reflect.Value) []reflect.Value {
			look(args[0])
			return nil
		})
	return made.Interface().(goka.ProcessorOption)
}
