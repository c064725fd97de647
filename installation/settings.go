package installation

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"regexp"
	"strings"
	"unicode"

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
		path, _, _ := strings.Cut(m.Path, "[") // brokers[0]
		mistakes[i] = config.Mistake{
			Path:  "kafka." + strings.TrimPrefix(asOption(path), "kafka."),
			Value: m.Value, Allowed: asOption(m.Allowed),
		}
		if m.Value == "" {
			mistakes[i].Allowed = "is missing; allowed: " + mistakes[i].Allowed
		}
	}
	return mistakes
}

var (
	camelCase = regexp.MustCompile(`[a-z]+([A-Z][a-z]+)+`)
	ofKafka   = regexp.MustCompile(`\b(sasl|tls)\.`)
)

// asOption spells the names of settings in a text as the configuration does: sasl.tokenUrl is
// kafka.sasl.token-url there.
func asOption(text string) string {
	text = strings.ReplaceAll(text, "sasl.oauth.", "sasl.")
	text = ofKafka.ReplaceAllString(text, "kafka.$1.")
	return camelCase.ReplaceAllStringFunc(text, func(name string) string {
		var b strings.Builder
		for _, r := range name {
			if 'A' <= r && r <= 'Z' {
				b.WriteByte('-')
			}
			b.WriteRune(unicode.ToLower(r))
		}
		return b.String()
	})
}

// heartbeats go out in a session's time-out: four may go missing.
const heartbeats = 5

// Kafka returns the settings of all Kafka clients; they log to logger, if it is not nil.
func (i *Installation) Kafka(logger *slog.Logger) kafka.Settings {
	c, k := i.Config, i.Config.Kafka
	s := kafka.Settings{
		Brokers:  k.Brokers,
		ClientID: k.ClientID,
		TLS: kafka.TLS{
			Enabled: k.TLS.Enabled, CAFile: k.TLS.CAFile,
			CertFile: k.TLS.CertFile, KeyFile: k.TLS.KeyFile,
			ServerName: k.TLS.ServerName, InsecureSkipVerify: k.TLS.InsecureSkipVerify,
		},
		SASL: kafka.SASL{
			Mechanism: k.SASL.Mechanism, Username: k.SASL.Username,
			Password: kafka.Secret(k.SASL.Password), PasswordFile: k.SASL.PasswordFile,
			AllowUnencrypted: k.SASL.AllowUnencrypted,
			OAuth: kafka.OAuth{
				Token: kafka.Secret(k.SASL.Token), TokenFile: k.SASL.TokenFile,
				TokenURL: k.SASL.TokenURL, ClientID: k.SASL.ClientID,
				ClientSecret:     kafka.Secret(k.SASL.ClientSecret),
				ClientSecretFile: k.SASL.ClientSecretFile, Scope: k.SASL.Scope,
			},
		},
		DialTimeout: k.DialTimeout, RequestTimeout: k.RequestTimeout,
		SessionTimeout:    k.SessionTimeout,
		HeartbeatInterval: k.SessionTimeout / heartbeats, RebalanceTimeout: k.RebalanceTimeout,
		TransactionTimeout: k.TransactionTimeout,
		RecordBytes:        int(c.Topics.RecordBytes),
		LargerRecordBytes: map[string]int{
			processors.DeadLetters(c.Topics.Prefix): processors.LetterBytes(int(c.Topics.RecordBytes)),
		},
	}
	if logger != nil {
		s.Logger = logging.Client(logger, c.Log, "franz-go")
	}
	return s
}

// Registry returns the settings of the client of the schema registry. Codecs take records of any size that
// was ever allowed by default: the limit that counts is that of the graphs. The error says which file can't
// be read.
func (i *Installation) Registry() (codecs.RegistrySettings, error) {
	all, c := i.Config, i.Config.Registry
	s := codecs.RegistrySettings{
		Limits: codecs.Limits{RecordBytes: max(codecs.DefaultRecordBytes, int(all.Topics.RecordBytes))},
		URLs:   c.URLs, Username: c.Username, Password: c.Password.Reveal(),
		Mode: codecs.LookUp, Timeout: c.Timeout, RetryLimit: c.RetryLimit,
		RefusedAfter: c.RefusedAfter,
	}
	if c.Mode == "register" {
		s.Mode = codecs.Register
	}
	if c.PasswordFile != "" {
		text, err := os.ReadFile(c.PasswordFile)
		if err != nil {
			return s, fmt.Errorf("registry.password-file: %w", err)
		}
		s.Password = strings.TrimRight(string(text), "\r\n")
	}
	if c.CAFile != "" {
		pem, err := os.ReadFile(c.CAFile)
		if err != nil {
			return s, fmt.Errorf("registry.ca-file: %w", err)
		}
		pool := x509.NewCertPool()
		if !pool.AppendCertsFromPEM(pem) {
			return s, fmt.Errorf("registry.ca-file: no certificate (PEM) in %s", c.CAFile)
		}
		s.TLS = &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12}
	}
	return s, nil
}
