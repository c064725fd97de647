package audit

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/spf13/pflag"
)

// RegistryAccess says how the registry knows the audit, and the audit the registry. The zero value has no
// credentials, and the system's authorities. The files of secrets are read for each request, as the program
// reads those of registry.token-file and registry.password-file.
type RegistryAccess struct {
	// TokenFile has a bearer token. Username and PasswordFile are for basic authentication.
	TokenFile, Username, PasswordFile string
	// CAFile has authorities to trust beside the system's, CertFile and KeyFile the audit's own certificate
	// (PEM).
	CAFile, CertFile, KeyFile string
}

// registryTimeout limits one request: a registry answers within milliseconds.
const registryTimeout = 30 * time.Second

func (a *RegistryAccess) addFlags(flags *pflag.FlagSet) {
	flags.StringVar(&a.TokenFile, "registry-token-file", "", "file with a bearer token for the registry")
	flags.StringVar(&a.Username, "registry-username", "", "user name for the registry")
	flags.StringVar(&a.PasswordFile, "registry-password-file", "", "file with its password")
	flags.StringVar(&a.CAFile, "registry-ca-file", "", "authorities of the registry's certificate (PEM)")
	flags.StringVar(&a.CertFile, "registry-cert-file", "", "own certificate for the registry (PEM)")
	flags.StringVar(&a.KeyFile, "registry-key-file", "", "its key (PEM)")
}

// client returns a client of the registry at a URL. The error says which options don't go together, or which
// file can't be read.
func (a *RegistryAccess) client(base string) (*http.Client, error) {
	u, err := url.Parse(base)
	switch {
	case err != nil:
		return nil, fmt.Errorf("--registry: %w", err)
	case a.TokenFile != "" && a.Username != "":
		return nil, errors.New("--registry-token-file and --registry-username exclude each other")
	case (a.Username == "") != (a.PasswordFile == ""):
		return nil, errors.New("--registry-username and --registry-password-file belong together")
	case (a.CertFile == "") != (a.KeyFile == ""):
		return nil, errors.New("--registry-cert-file and --registry-key-file belong together")
	}
	settings, err := a.tls()
	if err != nil {
		return nil, err
	}
	transport := &http.Transport{Proxy: http.ProxyFromEnvironment, TLSClientConfig: settings}
	return &http.Client{
		Timeout: registryTimeout, Transport: authorizing{transport, a, u.Scheme, u.Host},
	}, nil
}

func (a *RegistryAccess) tls() (*tls.Config, error) {
	settings := &tls.Config{MinVersion: tls.VersionTLS12}
	if a.CAFile != "" {
		pem, err := os.ReadFile(a.CAFile)
		if err != nil {
			return nil, fmt.Errorf("--registry-ca-file: %w", err)
		}
		if settings.RootCAs, err = x509.SystemCertPool(); err != nil {
			settings.RootCAs = x509.NewCertPool()
		}
		if !settings.RootCAs.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("--registry-ca-file: %s has no certificate in PEM", a.CAFile)
		}
	}
	if a.CertFile != "" {
		pair, err := tls.LoadX509KeyPair(a.CertFile, a.KeyFile)
		if err != nil {
			return nil, fmt.Errorf("--registry-cert-file: %w", err)
		}
		settings.Certificates = []tls.Certificate{pair}
	}
	return settings, nil
}

// authorizing sends the credentials to the registry, and to no server that it redirects to.
type authorizing struct {
	*http.Transport

	access       *RegistryAccess
	scheme, host string
}

// RoundTrip sends a request.
func (t authorizing) RoundTrip(r *http.Request) (*http.Response, error) {
	file := t.access.TokenFile + t.access.PasswordFile // there is one at most
	if file != "" && r.URL.Scheme == t.scheme && r.URL.Host == t.host {
		secret, err := os.ReadFile(file)
		if err != nil {
			return nil, fmt.Errorf("credentials of the registry: %w", err)
		}
		r = r.Clone(r.Context())
		if text := strings.TrimSpace(string(secret)); t.access.TokenFile != "" {
			r.Header.Set("Authorization", "Bearer "+text)
		} else {
			r.SetBasicAuth(t.access.Username, text)
		}
	}
	return t.Transport.RoundTrip(r) //nolint:wrapcheck // the client says what it asked for
}
