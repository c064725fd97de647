package main

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"regexp"
	"strings"
	"time"
	"unicode"

	"refold/codecs"
	"refold/config"
	"refold/exactlyonce"
	"refold/kafka"
	"refold/processors"
	"refold/views"
	"refold/views/httpapi"
	"refold/views/livefeed"
)

// checkSettings finds what only the packages that use the settings know to be wrong.
func checkSettings(c config.Config) error {
	registry, err := registrySettings(c)
	if err == nil {
		err = registry.Validate()
	}
	return errors.Join(names(c.Topics).Check(), kafkaSettings(c, nil).Validate(), err)
}

// kafkaMistakes are what kafka.Settings finds, in the words of the configuration: all mistakes are
// to be told at once.
func kafkaMistakes(c config.Config) config.Mistakes {
	var found kafka.Mistakes
	if !errors.As(kafkaSettings(c, nil).Validate(), &found) {
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

func kafkaSettings(c config.Config, logger *slog.Logger) kafka.Settings {
	k := c.Kafka
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
		s.Logger = clientLogger(logger, c.Log, "franz-go")
	}
	return s
}

// registrySettings has codecs take records of any size that was ever allowed by default: the limit
// that counts is the graphs'.
func registrySettings(all config.Config) (codecs.RegistrySettings, error) {
	c := all.Registry
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

func engineConfig(c config.Config) exactlyonce.Config {
	p := c.Processor
	return exactlyonce.Config{
		BatchRecords: p.BatchRecords, BatchBytes: int(p.BatchBytes),
		FetchMaxBytes: int32(p.FetchBytes), LeastGap: p.LeastGap,
		Producers: p.Producers, LeaveTimeout: p.LeaveTimeout,
		BackoffMin: p.BackoffMin, BackoffMax: p.BackoffMax, StallAfter: p.StallAfter,
		TopicsMaxAge: c.Topics.CheckInterval,
	}
}

func viewLimits(c config.HTTP, v config.Views, p config.Processor) views.Limits {
	return views.Limits{
		Waiters: c.Waiters, Sending: c.Sending, PageBytes: int(c.PageBytes), TraceNodes: c.TraceNodes,
		FetchBytes: int(v.FetchBytes), StateEvery: v.StateEvery,
		StallAfter: p.StallAfter,
	}
}

// traceRetention is how long messages are kept for traces; 0: not at all.
func traceRetention(c config.Views) time.Duration {
	if !c.Traces {
		return 0
	}
	return c.TraceRetention
}

func liveLimits(c config.HTTP) livefeed.Limits {
	return livefeed.Limits{Listeners: c.Listeners, Backlog: int64(c.ListenerLag)}
}

// otherHeaderBytes is what a request's header has beside a link or a token of ours.
const otherHeaderBytes = 4 << 10

// httpLimits takes headers that are long enough for all links and tokens that the API gives, whatever is
// configured.
func httpLimits(c config.HTTP, topics config.Topics, aggregates int) httpapi.Limits {
	own := max(httpapi.LinkBytes, livefeed.PositionBytes(viewTopics(aggregates)*topics.Partitions))
	return httpapi.Limits{
		BodyBytes: int64(c.BodyBytes), HeaderBytes: max(int(c.HeaderBytes), own+otherHeaderBytes),
		ReadTimeout: c.ReadTimeout, RequestTimeout: c.RequestTimeout, Wait: c.WaitTimeout,
		UnknownWait: c.UnknownWait, WriteTimeout: c.WriteTimeout, IdleTimeout: c.IdleTimeout,
		PageRows: c.PageRows, Shutdown: c.Shutdown,
	}
}
