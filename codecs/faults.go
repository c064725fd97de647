package codecs

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"

	"github.com/twmb/franz-go/pkg/sr"

	"refold/codecs/excerpt"
)

// What can go wrong with the schema registry. The texts of the errors that wrap these name the
// subject or the schema ID and what the registry said.
var (
	// ErrSchemaNotFound: the registry says it has no such schema.
	ErrSchemaNotFound = errors.New("no such schema in the registry")
	// ErrSchemaUnusable: the registry has the schema, but it is no Avro schema, or too large.
	ErrSchemaUnusable = errors.New("schema cannot be used")
	// ErrSchemaRefused: for RegistrySettings.RefusedAfter the registry has refused to return this schema,
	// while it returned others. So the schema is the cause, not this client.
	ErrSchemaRefused = errors.New("the registry refuses this schema, and answers for others")
	// ErrIncompatible: the registry does not take the schema, because data written with earlier
	// schemas of the subject could not be read with it, or the other way round.
	ErrIncompatible = errors.New("schema is incompatible with earlier ones of its subject")
	// ErrRegistryUnavailable: the registry could not be asked. The same question may have an
	// answer later.
	ErrRegistryUnavailable = errors.New("schema registry unavailable")
	// ErrRegistryRefused: the server at the registry's URL refuses the request: wrong credentials, wrong
	// path, or a request that it does not understand. An operator must act. It is an
	// ErrRegistryUnavailable, too, since it says nothing about a record.
	ErrRegistryRefused = fmt.Errorf("%w: request refused", ErrRegistryUnavailable)
)

// errAnswerTooLarge is how the transport ends an answer that exceeds Limits.SchemaBytes.
var errAnswerTooLarge = errors.New("answer is larger than Limits.SchemaBytes")

// classify wraps an error of the client in the error of this package that gives its meaning.
func classify(err error) error {
	var answer *sr.ResponseError
	var syntax *json.SyntaxError
	var mismatch *json.UnmarshalTypeError
	switch {
	case err == nil, errors.Is(err, ErrSchemaNotFound):
		return err
	case errors.As(err, &answer):
		return classifyAnswer(answer)
	case errors.Is(err, errAnswerTooLarge):
		return fmt.Errorf("%w: %w", ErrSchemaUnusable, err)
	case errors.As(err, &syntax), errors.As(err, &mismatch):
		return fmt.Errorf("%w: no schema registry answers so; check the URL and its path: %w",
			ErrRegistryRefused, err)
	}
	return fmt.Errorf("%w: %w", ErrRegistryUnavailable, err)
}

func classifyAnswer(answer *sr.ResponseError) error {
	meaning, hint := ErrRegistryRefused, ""
	switch status := answer.StatusCode; {
	case status == http.StatusNotFound && sr.IsNotFoundError(answer.ErrorCode):
		meaning = ErrSchemaNotFound
	case status == http.StatusNotFound:
		// A server that is no registry answers 404 here, too. If that counted as not found, a wrong path
		// would turn every record into poison.
		hint = "; check the URL and its path"
	case status == http.StatusConflict:
		meaning = ErrIncompatible
	case status == http.StatusUnauthorized, status == http.StatusForbidden:
		hint = "; check Username and Password, or the token"
	case status == http.StatusRequestTimeout, status == http.StatusTooManyRequests,
		status >= http.StatusInternalServerError:
		meaning = ErrRegistryUnavailable
	}
	return fmt.Errorf("%w: %s %s answered %d, code %d: %s%s", meaning, answer.Method, answer.URL,
		answer.StatusCode, answer.ErrorCode, excerpt.Of(answer.Error(), maxAnswerExcerpt), hint)
}

// maxAnswerExcerpt limits how much of an answer is repeated in an error: it may be a web page.
const maxAnswerExcerpt = 300

// outcome names a classified error for the metrics.
func outcome(err error) string {
	for _, o := range []struct {
		err  error
		name string
	}{
		{ErrSchemaNotFound, "not-found"},
		{ErrSchemaRefused, "refused"},
		{ErrIncompatible, "incompatible"},
		{ErrSchemaUnusable, "unusable"},
		{ErrRegistryRefused, "refused"}, // before unavailable, which it is, too
		{ErrRegistryUnavailable, "unavailable"},
	} {
		if errors.Is(err, o.err) {
			return o.name
		}
	}
	return "ok"
}
