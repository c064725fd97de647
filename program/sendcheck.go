package program

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"

	"refold/codecs"
	"refold/codecs/rules"
	"refold/eventsourcing"
	"refold/processors"
)

// maxSentBytes limits the data of a command that is checked here; the worker has a limit of its own.
const maxSentBytes = 64 << 20

// withCommands does something with the commands of an aggregate. It talks to nobody.
func (p *program) withCommands(called string, do func(*processors.OpenAggregate) error) error {
	definition, err := p.Definitions.Called(called)
	if err != nil {
		return err //nolint:wrapcheck // it says what there is
	}
	registry, err := codecs.NewRegistry(codecs.RegistrySettings{
		URLs:   []string{"http://localhost"}, // is not asked
		Limits: codecs.Limits{RecordBytes: maxSentBytes},
	})
	if err != nil {
		return err //nolint:wrapcheck // can't be
	}
	defer registry.Close()
	opened, err := definition.Open(registry)
	if err != nil {
		return err //nolint:wrapcheck // it names the definition
	}
	return do(opened)
}

// checkCommand returns every mistake in the data of a command, by the types of this program, and every rule
// that it breaks.
func (p *program) checkCommand(called, commandType, data string) error {
	return p.withCommands(called, func(a *processors.OpenAggregate) error {
		v, err := a.Commands.FromJSON(commandType, []byte(data))
		if err == nil {
			err = rules.Error(eventsourcing.TypeName(v), a.RulesBroken(v))
			if err != nil {
				return fmt.Errorf("%w\n(--unchecked leaves the check to the worker)", err)
			}
		}
		if _, is := errors.AsType[*codecs.JSONError](err); is {
			return fmt.Errorf("%w\n(\"send %s %s --schema\" shows what it takes; "+
				"--unchecked leaves the check to the worker)", err, called, commandType)
		}
		return err
	})
}

// shownSchema returns a schema as it is, or as a string if it is no JSON: a .proto file.
func shownSchema(text string) any {
	if raw := json.RawMessage(text); json.Valid(raw) {
		return raw
	}
	return text
}

// showCommand prints the schema of a command with an example.
func (p *program) showCommand(w io.Writer, called, commandType string) error {
	return p.withCommands(called, func(a *processors.OpenAggregate) error {
		schema := a.Commands.SchemaText(commandType)
		if schema == "" {
			return &codecs.UnknownTypeError{Name: commandType, Known: a.Commands.Types()}
		}
		name := commandType[strings.LastIndexByte(commandType, '.')+1:]
		e := json.NewEncoder(w)
		e.SetIndent("", "  ")
		e.SetEscapeHTML(false)
		return e.Encode(struct {
			Aggregate string          `json:"aggregate"`
			Type      string          `json:"type"`
			Schema    any             `json:"schema"`
			Example   json.RawMessage `json:"example"`
		}{a.Name, name, shownSchema(schema), a.CommandExamples[name]})
	})
}
