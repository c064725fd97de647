package installation

import (
	"errors"
	"log/slog"
	"path/filepath"
	"strings"

	"refold/codecs"
	"refold/config"
	"refold/kafka"
	"refold/logging"
	"refold/processors"
)

// KafkaMistakes are what kafka.Settings finds, in the words of the configuration: all mistakes are
// to be told at once.
func KafkaMistakes(c config.Config) config.Mistakes {
	var found kafka.Mistakes
	if !errors.As((&Installation{Config: c}).Kafka(nil).Validate(), &found) {
		return nil
	}
	mistakes := make(config.Mistakes, len(found))
	for i, m := range found {
		mistakes[i] = config.Mistake{
			Path: "kafka." + m.Path, Value: m.Value, Allowed: inKafka.Replace(m.Allowed),
		}
		if m.Value == "" {
			mistakes[i].Allowed = "is missing; allowed: " + mistakes[i].Allowed
		}
	}
	return mistakes
}

// inKafka puts the section's name before those options that a text names.
var inKafka = strings.NewReplacer("sasl.", "kafka.sasl.", "tls.", "kafka.tls.")

// Kafka returns the settings of all Kafka clients; they log to logger, if it is not nil.
func (i *Installation) Kafka(logger *slog.Logger) kafka.Settings {
	c, s := i.Config, i.Config.Kafka
	s.RecordBytes = int(c.Topics.RecordBytes)
	s.LargerRecordBytes = map[string]int{
		processors.DeadLetters(c.Topics.Prefix): processors.LetterBytes(s.RecordBytes),
	}
	if logger != nil {
		s.Logger = logging.Client(logger, c.Log, "franz-go")
	}
	return s
}

// Registry returns the settings of the client of the schema registry. Codecs take records of any size that
// was ever allowed by default: the limit that counts is that of the graphs.
func (i *Installation) Registry() codecs.RegistrySettings {
	all, c := i.Config, i.Config.Registry
	s := codecs.RegistrySettings{
		Limits: codecs.Limits{RecordBytes: max(codecs.DefaultRecordBytes, int(all.Topics.RecordBytes))},
		URLs:   c.URLs,
		Credentials: codecs.Credentials{
			Username: c.Username, Password: c.Password, PasswordFile: c.PasswordFile,
			Token: c.Token, TokenFile: c.TokenFile, AllowUnencrypted: c.AllowUnencrypted,
		},
		TLS:  kafka.TLS{CAFile: c.TLS.CAFile, CertFile: c.TLS.CertFile, KeyFile: c.TLS.KeyFile},
		Mode: codecs.LookUp, Timeout: c.Timeout, RetryLimit: c.RetryLimit,
		RefusedAfter: c.RefusedAfter, SchemaIDs: codecs.SchemaIDPlace(c.SchemaID),
		Subjects: codecs.SubjectNames{
			Strategy: codecs.SubjectStrategy(c.Subjects), Prefix: c.SubjectPrefix, TopicPrefix: i.Prefix(),
		},
	}
	if c.Mode == "register" {
		s.Mode = codecs.Register
	}
	return s
}

// RegistryCache says where a worker keeps what the schema registry said. Commands keep nothing: what they
// report of the registry must come from it.
func (i *Installation) RegistryCache() codecs.CacheSettings {
	c := i.Config.Registry
	s := codecs.CacheSettings{
		Directory: c.CacheDirectory, Bytes: int(c.CacheBytes), Answers: c.CacheAnswers,
		AskAgain: c.CacheAskAgain,
	}
	if s.Directory == "" || filepath.IsAbs(s.Directory) {
		return s
	}
	if i.Config.Store.Directory == "" {
		return codecs.CacheSettings{}
	}
	s.Directory = filepath.Join(i.Config.Store.Directory, i.Prefix()+s.Directory)
	return s
}
