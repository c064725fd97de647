package kafka

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"os"
)

// Config returns a new configuration for connections, whether Enabled or not. The error names the file that
// is missing or wrong, and the option, such as tls.ca-file.
func (t TLS) Config() (*tls.Config, error) {
	config := &tls.Config{
		MinVersion: tls.VersionTLS12,
		ServerName: t.ServerName,
		//nolint:gosec // explicit, refused beside anything that contradicts it: see TLS.check
		InsecureSkipVerify: t.InsecureSkipVerify,
	}
	if t.CAFile != "" {
		pem, err := os.ReadFile(t.CAFile)
		if err != nil {
			return nil, fmt.Errorf("reading tls.ca-file: %w", err)
		}
		config.RootCAs = x509.NewCertPool()
		if !config.RootCAs.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("tls.ca-file %s: it holds no PEM certificate", t.CAFile)
		}
	}
	if t.CertFile == "" {
		return config, nil
	}
	if _, err := t.certificate(nil); err != nil {
		return nil, err // now, rather than at the first connection
	}
	config.GetClientCertificate = t.certificate
	return config, nil
}

// certificate reads the client's certificate, for each connection anew, so that it can be renewed.
func (t TLS) certificate(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
	pair, err := tls.LoadX509KeyPair(t.CertFile, t.KeyFile)
	if err != nil {
		return nil, fmt.Errorf("reading tls.cert-file and tls.key-file: %w", err)
	}
	return &pair, nil
}
