package codecs_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"log/slog"
	"math/big"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/sr/srfake"

	"refold/codecs"
	"refold/kafka"
)

// authority issues certificates.
type authority struct {
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
}

func newAuthority(t *testing.T) *authority {
	t.Helper()
	a := &authority{}
	a.cert, a.key = a.issue(t, "authority")
	return a
}

// issue returns a certificate; the first one is the authority's own.
func (a *authority) issue(t *testing.T, name string) (*x509.Certificate, *ecdsa.PrivateKey) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: pkix.Name{CommonName: name},
		NotAfter: time.Now().Add(time.Hour), DNSNames: []string{"example.com"},
		BasicConstraintsValid: true, IsCA: a.cert == nil,
		KeyUsage:    x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}
	parent, parentKey := a.cert, a.key
	if parent == nil {
		parent, parentKey = template, key
	}
	der, err := x509.CreateCertificate(rand.Reader, template, parent, &key.PublicKey, parentKey)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return cert, key
}

func writeCert(t *testing.T, file string, cert *x509.Certificate) {
	t.Helper()
	write(t, file, string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: cert.Raw})))
}

// writePair issues a certificate and writes it with its key.
func (a *authority) writePair(t *testing.T, files kafka.TLS, name string) {
	t.Helper()
	cert, key := a.issue(t, name)
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	writeCert(t, files.CertFile, cert)
	write(t, files.KeyFile, string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})))
}

func (a *authority) pool() *x509.CertPool {
	pool := x509.NewCertPool()
	pool.AddCert(a.cert)
	return pool
}

// secured is a registry that asks clients for a certificate, and tells whose it was.
type secured struct {
	*httptest.Server
	clients chan string
}

// secure starts a registry with a certificate of server's that admits clients with one of clients'.
func secure(t *testing.T, server, clients *authority) secured {
	t.Helper()
	cert, key := server.issue(t, "registry")
	fake, seen := srfake.NewRegistry(), make(chan string, 100)
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		seen <- r.TLS.PeerCertificates[0].Subject.CommonName
		fake.Handler().ServeHTTP(w, r)
	}))
	s.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelError)
	s.TLS = &tls.Config{
		Certificates: []tls.Certificate{{Certificate: [][]byte{cert.Raw}, PrivateKey: key}},
		ClientAuth:   tls.RequireAndVerifyClientCert, ClientCAs: clients.pool(),
	}
	s.StartTLS()
	t.Cleanup(s.Close)
	return secured{s, seen}
}

// filesOf returns files with the authority's certificate, and a pair that it has issued.
func (a *authority) filesOf(t *testing.T, name string) kafka.TLS {
	t.Helper()
	dir := t.TempDir()
	files := kafka.TLS{
		CAFile: filepath.Join(dir, "ca"), CertFile: filepath.Join(dir, "cert"),
		KeyFile: filepath.Join(dir, "key"), ServerName: "example.com",
	}
	writeCert(t, files.CAFile, a.cert)
	a.writePair(t, files, name)
	return files
}

func withTLS(files kafka.TLS) func(*codecs.RegistrySettings) {
	return func(s *codecs.RegistrySettings) { s.TLS = files }
}

func TestMutualTLS(t *testing.T) {
	a := newAuthority(t)
	s := secure(t, a, a)
	files := a.filesOf(t, "worker")
	if _, err := client(t, s.URL, withTLS(files)).ID(t.Context(), "s", closedSchema); err != nil {
		t.Fatal(err)
	}
	if name := <-s.clients; name != "worker" {
		t.Errorf("the registry saw %s", name)
	}
	anonymous := files
	anonymous.CertFile, anonymous.KeyFile = "", ""
	for name, wrong := range map[string]kafka.TLS{
		"no certificate": anonymous, "another authority": newAuthority(t).filesOf(t, "worker"),
	} {
		_, err := client(t, s.URL, withTLS(wrong)).ID(t.Context(), "s", closedSchema)
		if !errors.Is(err, codecs.ErrRegistryUnavailable) || !strings.Contains(err.Error(), "certificate") {
			t.Errorf("%s: got %v, want ErrRegistryUnavailable for a certificate", name, err)
		}
	}
}

// Certificates that are renewed under a running worker are used from the next request on, and those of
// before as long as the new ones are not complete.
func TestCertificatesAreReadWhenTheyChange(t *testing.T) {
	old := newAuthority(t)
	s := secure(t, old, old)
	files := old.filesOf(t, "first")
	r := client(t, s.URL, withTLS(files))
	asked := 100
	seen := func(want string) {
		t.Helper()
		asked++
		if _, err := r.Schema(t.Context(), asked); !errors.Is(err, codecs.ErrSchemaNotFound) {
			t.Fatal(err)
		}
		if name := <-s.clients; name != want {
			t.Errorf("the registry saw %s, want %s", name, want)
		}
	}
	seen("first")
	old.writePair(t, files, "second")
	seen("second")
	write(t, files.CertFile, "half of a certi")
	seen("second")
	old.writePair(t, files, "third")
	seen("third")
}

func TestAnAuthorityIsReadWhenItChanges(t *testing.T) {
	ours, theirs := newAuthority(t), newAuthority(t)
	s := secure(t, theirs, ours)
	files := ours.filesOf(t, "worker")
	r := client(t, s.URL, withTLS(files))
	if _, err := r.ID(t.Context(), "s", closedSchema); !errors.Is(err, codecs.ErrRegistryUnavailable) {
		t.Fatalf("got %v, want ErrRegistryUnavailable", err)
	}
	writeCert(t, files.CAFile, theirs.cert)
	if _, err := r.ID(t.Context(), "s", closedSchema); err != nil {
		t.Error(err)
	}
}

func TestCertificatesThatCantBeUsedAreNamed(t *testing.T) {
	a := newAuthority(t)
	files, missing := a.filesOf(t, "worker"), filepath.Join(t.TempDir(), "missing")
	for name, test := range map[string]struct {
		change func(*kafka.TLS)
		want   []string
	}{
		"no authority": {func(f *kafka.TLS) { f.CAFile = missing }, []string{"tls.ca-file", missing}},
		"no certificate in it": {
			func(f *kafka.TLS) { f.CAFile = f.KeyFile }, []string{"tls.ca-file", files.KeyFile},
		},
		"no key":        {func(f *kafka.TLS) { f.KeyFile = "" }, []string{"TLS.KeyFile"}},
		"no key in it":  {func(f *kafka.TLS) { f.KeyFile = f.CertFile }, []string{"tls.key-file"}},
		"no file of it": {func(f *kafka.TLS) { f.CertFile = missing }, []string{"tls.cert-file", missing}},
	} {
		t.Run(name, func(t *testing.T) {
			wrong := files
			test.change(&wrong)
			_, err := codecs.NewRegistry(codecs.RegistrySettings{URLs: []string{"https://x"}, TLS: wrong})
			for _, want := range test.want {
				if err == nil || !strings.Contains(err.Error(), want) {
					t.Errorf("got %v, want %s", err, want)
				}
			}
		})
	}
}
