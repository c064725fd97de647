package httpapi

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"refold/codecs"
	"refold/eventsourcing"
	"refold/tracing"
)

func formatSequence(n int64) string { return strconv.FormatInt(n, 10) }

// readCommand makes a command of a request, and reads which state of the aggregate it expects.
func (s *Server) readCommand(r *Resource, in *sendInput) (
	command eventsourcing.Envelope[any], e expectation, err error,
) {
	var mistakes []mistake
	if !validID(in.ID) {
		mistakes = append(mistakes, mistake{Path: "path.id", Allowed: idAllowed, Found: in.ID})
	}
	id, err := commandID(in.IdempotencyKey)
	var wrong *Problem
	if errors.As(err, &wrong) {
		mistakes = append(mistakes, wrong.Errors...)
	} else if err != nil {
		return command, e, err
	}
	if e, err = expected(in.IfMatch); err != nil {
		mistakes = append(mistakes, mistake{
			Path: "header.If-Match", Allowed: err.Error(), Found: in.IfMatch,
		})
	}
	if len(mistakes) > 0 {
		return command, e, invalid(mistakes...)
	}
	typeName, data, err := readData(r, in.Body)
	if err != nil {
		return command, e, err
	}
	command.Data = data
	command.Metadata = eventsourcing.Metadata{
		ID: id, Source: s.options.Source, Type: typeName, Subject: in.ID,
		// Kafka keeps milliseconds: the time is the same wherever it is shown.
		Time:        s.options.Now().UTC().Truncate(time.Millisecond),
		Traceparent: tracing.Clean(in.Traceparent),
	}
	return command, e, nil
}

// readData returns the command's type and data from the body.
func readData(r *Resource, body []byte) (string, any, error) {
	envelope, err := readEnvelope(body)
	if err != nil {
		return "", nil, err
	}
	if known := r.Commands.Types(); !slices.Contains(known, envelope.Type) {
		return "", nil, withMistakes(codeUnknownType,
			fmt.Sprintf("the %s knows no such command", r.Name),
			[]mistake{{
				Path: "body.type", Allowed: "one of " + strings.Join(known, ", "),
				Found: envelope.Type,
			}})
	}
	data, err := r.Commands.FromText(envelope.Type, envelope.Data)
	if err != nil {
		return "", nil, asInvalidCommand(err)
	}
	return envelope.Type, data, nil
}

// asInvalidCommand returns the problem that lists which fields of the data are wrong.
func asInvalidCommand(err error) error {
	fields, is := errors.AsType[*codecs.JSONError](err)
	if !is {
		return err
	}
	mistakes := make([]mistake, len(fields.Mistakes))
	for i, m := range fields.Mistakes {
		path := "body.data"
		if m.Path != "" {
			path += "." + m.Path
		}
		mistakes[i] = mistake{Path: path, Allowed: m.Allowed, Found: m.Found}
	}
	return withMistakes(codeInvalidCommand, "the data don't fit the command "+fields.Type, mistakes)
}
