package codecs_test

import (
	"encoding/base64"
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/twmb/franz-go/pkg/sr/srfake"

	"refold/codecs"
)

const secret = "correct horse"

// write writes a file, as somebody who renews what is in it.
func write(tb testing.TB, file, text string) {
	tb.Helper()
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		tb.Fatal(err)
	}
}

// ask asks for the ID of a schema, with credentials.
func ask(t *testing.T, url string, credentials codecs.Credentials) error {
	t.Helper()
	r := client(t, url, func(s *codecs.RegistrySettings) { s.Credentials = credentials })
	_, err := r.ID(t.Context(), "s", closedSchema)
	return err
}

func TestCredentials(t *testing.T) {
	basic := "Basic " + base64.StdEncoding.EncodeToString([]byte("worker:"+secret))
	file := filepath.Join(t.TempDir(), "secret")
	write(t, file, secret+"\n")
	for name, test := range map[string]struct {
		header string
		right  codecs.Credentials
		wrong  codecs.Credentials
	}{
		"a password": {
			basic,
			codecs.Credentials{Username: "worker", Password: secret},
			codecs.Credentials{Username: "worker", Password: "wrong battery"},
		},
		"a file with a password": {
			basic,
			codecs.Credentials{Username: "worker", PasswordFile: file},
			codecs.Credentials{Username: "somebody", PasswordFile: file},
		},
		"a token": {
			"Bearer " + secret, codecs.Credentials{Token: secret}, codecs.Credentials{Token: "wrong battery"},
		},
		"a file with a token": {
			"Bearer " + secret, codecs.Credentials{TokenFile: file}, codecs.Credentials{},
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := server(t, srfake.WithAuth(test.header))
			if err := ask(t, s.URL(), test.right); err != nil {
				t.Error(err)
			}
			err := ask(t, s.URL(), test.wrong)
			if !errors.Is(err, codecs.ErrRegistryRefused) || strings.Contains(err.Error(), "battery") {
				t.Errorf("got %v, want ErrRegistryRefused without the secret", err)
			}
		})
	}
}

// A token that Kubernetes has renewed is sent with the next request.
func TestARenewedTokenIsRead(t *testing.T) {
	s := server(t, srfake.WithAuth("Bearer second"))
	file := filepath.Join(t.TempDir(), "token")
	write(t, file, "first")
	r := client(t, s.URL(), func(s *codecs.RegistrySettings) { s.TokenFile = file })
	if _, err := r.ID(t.Context(), "s", closedSchema); !errors.Is(err, codecs.ErrRegistryRefused) {
		t.Fatalf("got %v, want ErrRegistryRefused", err)
	}
	write(t, file, "second")
	if _, err := r.ID(t.Context(), "s", closedSchema); err != nil {
		t.Error(err)
	}
}

// A token that is renewed while a request with the old one is under way does not fail the request. One that
// is not renewed is not tried again.
func TestATokenRenewedDuringARequestIsTriedAtOnce(t *testing.T) {
	for name, test := range map[string]struct {
		renewed  string
		requests int64
	}{"renewed": {"second", 2}, "not renewed": {"first", 1}} {
		t.Run(name, func(t *testing.T) {
			fake := srfake.NewRegistry()
			file := filepath.Join(t.TempDir(), "token")
			write(t, file, "first")
			var requests atomic.Int64
			s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, request *http.Request) {
				requests.Add(1)
				if request.Header.Get("Authorization") != "Bearer second" {
					write(t, file, test.renewed)
					w.WriteHeader(http.StatusUnauthorized)
					return
				}
				fake.Handler().ServeHTTP(w, request)
			}))
			t.Cleanup(s.Close)
			err := ask(t, s.URL, codecs.Credentials{TokenFile: file})
			if failed := err != nil; failed != (test.requests == 1) {
				t.Errorf("got %v", err)
			}
			if n := requests.Load(); n != test.requests {
				t.Errorf("%d requests, want %d", n, test.requests)
			}
		})
	}
}

// A server that redirects elsewhere does not learn by that what we prove our identity with.
func TestARedirectTakesNoCredentialsAlong(t *testing.T) {
	elsewhere := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, request *http.Request) {
		if header := request.Header.Get("Authorization"); header != "" {
			t.Errorf("it was sent %q", header)
		}
	}))
	t.Cleanup(elsewhere.Close)
	s := httptest.NewServer(http.RedirectHandler(elsewhere.URL, http.StatusTemporaryRedirect))
	t.Cleanup(s.Close)
	if err := ask(t, s.URL, codecs.Credentials{Token: secret}); err == nil {
		t.Error("no error")
	}
}

func TestCredentialsAreRefused(t *testing.T) {
	missing := filepath.Join(t.TempDir(), "missing")
	empty := filepath.Join(t.TempDir(), "empty")
	write(t, empty, "\n")
	for name, test := range map[string]struct {
		url         string
		credentials codecs.Credentials
		want        string
	}{
		"a password without a name": {"http://localhost", codecs.Credentials{Password: secret}, "Username"},
		"a file without a name": {
			"http://localhost", codecs.Credentials{PasswordFile: empty}, "Username",
		},
		"two passwords": {
			"http://localhost",
			codecs.Credentials{Username: "x", Password: secret, PasswordFile: empty},
			"PasswordFile",
		},
		"two tokens": {"http://localhost", codecs.Credentials{Token: secret, TokenFile: empty}, "TokenFile"},
		"a name and a token": {
			"http://localhost", codecs.Credentials{Username: "x", Token: secret}, "Username",
		},
		"a token over the network": {"http://far:8081", codecs.Credentials{Token: secret}, "https://"},
		"a password over the network": {
			"http://far:8081", codecs.Credentials{Username: "x", Password: secret}, "AllowUnencrypted",
		},
		"a file that is missing": {
			"http://localhost",
			codecs.Credentials{TokenFile: missing},
			"registry.token-file: open " + missing,
		},
		"a file that is empty": {
			"http://localhost",
			codecs.Credentials{Username: "x", PasswordFile: empty},
			"registry.password-file " + empty,
		},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := codecs.NewRegistry(codecs.RegistrySettings{
				URLs: []string{test.url}, Credentials: test.credentials,
			})
			if err == nil || !strings.Contains(err.Error(), test.want) ||
				strings.Contains(err.Error(), secret) {
				t.Errorf("got %v, want %s", err, test.want)
			}
		})
	}
}

func TestCredentialsAreTakenWhereNobodyReadsThem(t *testing.T) {
	for url, allow := range map[string]bool{
		"https://far": false, "http://localhost:8081": false, "http://127.0.0.1": false,
		"http://[::1]:1": false, "http://far": true,
	} {
		r, err := codecs.NewRegistry(codecs.RegistrySettings{
			URLs: []string{url}, Credentials: codecs.Credentials{Token: secret, AllowUnencrypted: allow},
		})
		if err != nil {
			t.Errorf("%s: %v", url, err)
			continue
		}
		r.Close()
	}
}
