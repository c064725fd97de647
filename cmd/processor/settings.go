package main

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"strings"

	"refold/codecs"
	"refold/config"
	"refold/exactlyonce"
	"refold/kafka"
	"refold/views"
	"refold/views/httpapi"
)

// checkSettings finds what only the packages that use the settings know to be wrong.
func checkSettings(c config.Config) error {
	registry, err := registrySettings(c.Registry)
	if err == nil {
		err = registry.Validate()
	}
	return errors.Join(kafkaSettings(c, nil).Validate(), err)
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
	}
	if logger != nil {
		s.Logger = clientLogger(logger, c.Log, "franz-go")
	}
	return s
}

func registrySettings(c config.Registry) (codecs.RegistrySettings, error) {
	s := codecs.RegistrySettings{
		URLs: c.URLs, Username: c.Username, Password: c.Password.Reveal(),
		Mode: codecs.LookUp, Timeout: c.Timeout, RetryLimit: c.RetryLimit,
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
		BatchRecords: p.BatchRecords, BatchBytes: int(p.BatchBytes), LeastGap: p.LeastGap,
		Producers: p.Producers, LeaveTimeout: p.LeaveTimeout,
		BackoffMin: p.BackoffMin, BackoffMax: p.BackoffMax,
	}
}

func viewLimits(c config.HTTP) views.Limits { return views.Limits{Waiters: c.Waiters} }

func httpLimits(c config.HTTP) httpapi.Limits {
	return httpapi.Limits{
		BodyBytes: int64(c.BodyBytes), HeaderBytes: int(c.HeaderBytes),
		ReadTimeout: c.ReadTimeout, RequestTimeout: c.RequestTimeout, Wait: c.WaitTimeout,
		IdleTimeout: c.IdleTimeout, PageRows: c.PageRows, Shutdown: c.Shutdown,
	}
}
