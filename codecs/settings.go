package codecs

import (
	"cmp"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"time"

	"refold/kafka"
)

// Mode says what a [Registry] does with schemas of ours that the registry does not know.
type Mode string

const (
	// LookUp is the default: they are an error. A worker in production must not change what others
	// read; schemas get there by a deployment.
	LookUp Mode = "look-up"
	// Register adds them to it. The registry still refuses those that are not compatible.
	Register Mode = "register"
)

// RegistrySettings say where the schema registry is and how to talk to it. A zero duration or
// limit means its default.
type RegistrySettings struct {
	// URLs are the base URLs of one registry's servers, such as http://registry:8081 or
	// http://apicurio:8080/apis/ccompat/v7. A request that one does not answer goes to the next.
	URLs []string
	// Credentials are sent with each request.
	Credentials
	// TLS has the certificates for https URLs; it need not be Enabled. Files are read again when they change.
	// The zero value means the system's certificate authorities, and no certificate of our own.
	TLS kafka.TLS
	// Mode is LookUp if empty.
	Mode Mode
	// Timeout limits one request to one URL. Default 5 s: a registry answers within milliseconds,
	// so whoever takes longer is not going to.
	Timeout time.Duration
	// RetryLimit is how long [Set.Prepare] and a codec of [Set.Codec] go on trying while the
	// registry is away. Default 20 s: it outlasts a registry's restart, and is well within the 45 s
	// after which Kafka gives a silent worker's partitions away.
	RetryLimit time.Duration
	// RefusedAfter is how long the registry may refuse one schema ID, or fail to answer for it, while it
	// answers for others, before records of that ID are poison. Default 15 min: it takes somebody who is
	// called less to give a right back, and their senders wait. Negative: they wait for ever.
	RefusedAfter time.Duration
	// SchemaIDs is where the schema IDs of written records stand; InPrefix if empty. Records are read with
	// either. Values that are encoded without headers, which are those of tables, always have a prefix.
	SchemaIDs SchemaIDPlace
	// Subjects says what subjects are called.
	Subjects SubjectNames
	Limits   Limits
	// Cache says where on disk the answers are kept; nowhere if its Directory is empty.
	Cache CacheSettings

	// Metrics and Logger may be nil: nothing is measured, slog.Default() is used.
	Metrics *Metrics
	Logger  *slog.Logger
}

// Limits bound what a record, a schema or a piece of JSON may cost. Zero means the default.
type Limits struct {
	// RecordBytes is the size of a record's value and of JSON. Default 1 MiB, as Kafka's
	// message.max.bytes: whatever is larger would not get into a topic anyhow.
	RecordBytes int
	// SchemaBytes is the size of a schema with all it refers to. Default 1 MiB, as Confluent's
	// registry; it bounds what a wrong URL can make us read.
	SchemaBytes int
	// Schemas is how many schemas are kept in memory, some 10 KiB each. Default 1,000: an order of
	// magnitude more than the versions of all types of a topic. One that was dropped is asked for
	// again.
	Schemas int
	// UnknownFor is how long the registry's answer that it knows no schema of an ID is believed.
	// Default 5 s: a flood of garbage costs one request in that time, and a schema that is
	// registered a moment after its first record is seen soon. Negative: never believed.
	UnknownFor time.Duration
	// JSONDepth is how deeply JSON may be nested. Default 64.
	JSONDepth int
	// ExpandedBytes is what a record may grow to: its JSON; what it takes in memory by items that have no
	// bytes in it, and by defaults; and, of JSON, the record that it describes before that is measured.
	// Default eight times RecordBytes: a byte that JSON must escape becomes six, and what grows more
	// was made to.
	ExpandedBytes int
}

// Defaults of [RegistrySettings] and [Limits].
const (
	DefaultTimeout    = 5 * time.Second
	DefaultRetryLimit = 20 * time.Second
	// DefaultRefusedAfter is RefusedAfter's.
	DefaultRefusedAfter = 15 * time.Minute
	DefaultRecordBytes  = 1 << 20
	DefaultSchemaBytes  = 1 << 20
	DefaultSchemas      = 1000
	DefaultUnknownFor   = 5 * time.Second
	DefaultJSONDepth    = 64

	defaultExpansion = 8 // Limits.ExpandedBytes, in Limits.RecordBytes
)

// maxJSONDepth keeps recursion over JSON far from the end of the stack, and within what twmb/avro
// decodes.
const maxJSONDepth = 500

// Validate returns all mistakes at once, each with the setting, its value and what is allowed.
func (s RegistrySettings) Validate() error {
	var mistakes []error
	wrong := func(format string, args ...any) {
		mistakes = append(mistakes, fmt.Errorf(format, args...))
	}
	if len(s.URLs) == 0 {
		wrong("URLs is empty; at least one is needed, such as http://localhost:8081")
	}
	for i, text := range s.URLs {
		if reason := urlMistake(text); reason != "" {
			wrong("URLs[%d] %s", i, reason)
		}
	}
	mistakes = append(mistakes, s.mistakes(s.URLs)...)
	if (s.TLS.CertFile == "") != (s.TLS.KeyFile == "") {
		wrong("TLS.CertFile is %q and TLS.KeyFile %q; set both or neither", s.TLS.CertFile, s.TLS.KeyFile)
	}
	if s.Mode != "" && s.Mode != LookUp && s.Mode != Register {
		wrong("Mode is %q; allowed are %q and %q", s.Mode, LookUp, Register)
	}
	if s.SchemaIDs != "" && s.SchemaIDs != InPrefix && s.SchemaIDs != InHeader {
		wrong("SchemaIDs is %q; allowed are %q and %q", s.SchemaIDs, InPrefix, InHeader)
	}
	s.Subjects.mistakes(wrong)
	if s.Timeout < 0 {
		wrong("Timeout is %v; must be positive, or 0 for %v", s.Timeout, DefaultTimeout)
	}
	if s.RetryLimit < 0 {
		wrong("RetryLimit is %v; must be positive, or 0 for %v", s.RetryLimit, DefaultRetryLimit)
	}
	for name, value := range map[string]int{
		"RecordBytes": s.Limits.RecordBytes, "SchemaBytes": s.Limits.SchemaBytes,
		"Schemas": s.Limits.Schemas, "JSONDepth": s.Limits.JSONDepth,
		"ExpandedBytes": s.Limits.ExpandedBytes,
	} {
		if value < 0 {
			wrong("Limits.%s is %d; must be positive, or 0 for the default", name, value)
		}
	}
	if s.Cache.Bytes < 0 || s.Cache.Answers < 0 || s.Cache.AskAgain < 0 {
		wrong("Cache.Bytes is %d, Cache.Answers %d, Cache.AskAgain %v; must be positive, or 0 for the "+
			"default", s.Cache.Bytes, s.Cache.Answers, s.Cache.AskAgain)
	}
	if s.Limits.JSONDepth > maxJSONDepth {
		wrong("Limits.JSONDepth is %d; at most %d", s.Limits.JSONDepth, maxJSONDepth)
	}
	return errors.Join(mistakes...)
}

// urlMistake says what is wrong with a base URL without repeating a password in it.
func urlMistake(text string) string {
	u, err := url.Parse(text)
	switch {
	case err != nil:
		return "is no URL; it must look like http://localhost:8081"
	case u.User != nil:
		return "holds a user name; use Username and Password, which are never printed"
	case u.Scheme != "http" && u.Scheme != "https", u.Host == "":
		return fmt.Sprintf("is %q; it must begin with http:// or https:// and a host", text)
	case u.RawQuery != "" || u.Fragment != "":
		return fmt.Sprintf("is %q; it must end with the path, without ? and #", text)
	}
	return ""
}

func (s RegistrySettings) withDefaults() RegistrySettings {
	s.Mode = cmp.Or(s.Mode, LookUp)
	s.Timeout = cmp.Or(s.Timeout, DefaultTimeout)
	s.RetryLimit = cmp.Or(s.RetryLimit, DefaultRetryLimit)
	s.RefusedAfter = cmp.Or(s.RefusedAfter, DefaultRefusedAfter)
	s.Limits.RecordBytes = cmp.Or(s.Limits.RecordBytes, DefaultRecordBytes)
	s.Limits.SchemaBytes = cmp.Or(s.Limits.SchemaBytes, DefaultSchemaBytes)
	s.Limits.Schemas = cmp.Or(s.Limits.Schemas, DefaultSchemas)
	s.Limits.UnknownFor = cmp.Or(s.Limits.UnknownFor, DefaultUnknownFor)
	s.Limits.JSONDepth = cmp.Or(s.Limits.JSONDepth, DefaultJSONDepth)
	s.Limits.ExpandedBytes = cmp.Or(s.Limits.ExpandedBytes, defaultExpansion*s.Limits.RecordBytes)
	s.Cache.Bytes = cmp.Or(s.Cache.Bytes, DefaultCacheBytes)
	s.Cache.Answers = cmp.Or(s.Cache.Answers, DefaultCacheAnswers)
	s.Cache.AskAgain = cmp.Or(s.Cache.AskAgain, DefaultAskAgain)
	if s.Logger == nil {
		s.Logger = slog.Default()
	}
	return s
}
