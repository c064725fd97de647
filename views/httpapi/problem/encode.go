package problem

import (
	"fmt"
	"io"

	"refold/codecs/jsonvalue"
)

// maxAnswerBytes limits any answer, beyond the limits of what is in it: pages of rows, histories, traces.
const maxAnswerBytes = 1 << 30

// Encode writes a value as the JSON of an answer; its error is always nil. A value that can't be encoded is a
// mistake in the server: the panic becomes a problem, where huma would write half a line of text.
func Encode(w io.Writer, v any) error {
	text, err := jsonvalue.Marshal(v, maxAnswerBytes)
	if err != nil {
		panic(fmt.Errorf("encode an answer: %w", err))
	}
	_, _ = w.Write(append(text, '\n')) // a client that has left can't be told
	return nil
}
