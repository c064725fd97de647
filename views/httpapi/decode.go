package httpapi

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"refold/client/wire"
	"refold/codecs"
	"refold/eventsourcing"
	"refold/tracing"
	"refold/views/httpapi/problem"
)

func formatSequence(n int64) string { return strconv.FormatInt(n, 10) }

// readCommand makes a command of a request.
func (s *Server) readCommand(r *Resource, in *sendInput) (command eventsourcing.Envelope[any], err error) {
	id := in.IdempotencyKey.id
	if id == "" {
		if id, err = newCommandID(); err != nil {
			return command, err
		}
	}
	typeName, data, err := readData(r, in.Body)
	if err != nil {
		return command, err
	}
	command.Data = data
	command.Metadata = eventsourcing.Metadata{
		ID: id, Source: s.options.Source, Type: typeName, Subject: in.ID.Sent,
		// Kafka keeps milliseconds: the time is the same wherever it is shown.
		Time:        s.options.Now().UTC().Truncate(time.Millisecond),
		Traceparent: tracing.Clean(string(in.Traceparent)),
	}
	return command, nil
}

// readData returns the command's type and data from the body.
func readData(r *Resource, body []byte) (string, any, error) {
	envelope, err := readEnvelope(body)
	if err != nil {
		return "", nil, err
	}
	typeName, data, err := r.Commands.FromText(envelope.Type, envelope.Data)
	if err != nil {
		typeName = envelope.Type
	}
	switch known := r.Commands.Types(); {
	case !slices.Contains(known, typeName):
		return "", nil, problem.WithMistakes(wire.CodeUnknownType,
			fmt.Sprintf("the %s knows no such command", r.Name),
			[]wire.Mistake{{
				Path: "body.type", Allowed: "one of " + strings.Join(known, ", "),
				Found: envelope.Type,
			}})
	case err != nil:
		return "", nil, asInvalidCommand(err)
	}
	return typeName, data, nil
}

// asInvalidCommand returns the problem that lists which fields of the data are wrong.
func asInvalidCommand(err error) error {
	fields, is := errors.AsType[*codecs.JSONError](err)
	if !is {
		return err
	}
	mistakes := make([]wire.Mistake, len(fields.Mistakes))
	for i, m := range fields.Mistakes {
		path := "body.data"
		if m.Path != "" {
			path += "." + m.Path
		}
		mistakes[i] = wire.Mistake{Path: path, Allowed: m.Allowed, Found: m.Found}
	}
	return problem.WithMistakes(wire.CodeInvalidCommand, "the data don't fit the command "+fields.Type,
		mistakes)
}
