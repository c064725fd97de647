package audit_test

import (
	"encoding/pem"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"refold/audit"
)

// A registry behind https that asks for a token or a password is read like any other.
func TestRegistryAccess(t *testing.T) {
	w := newPlace(t).write(wholeShop())
	behind, err := url.Parse(w.cluster.RegistryURL())
	if err != nil {
		t.Fatal(err)
	}
	const token, password = "Bearer secret", "Basic YWxpY2U6c2VjcmV0" // of alice
	proxy := httputil.NewSingleHostReverseProxy(behind)
	guard := httptest.NewTLSServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		if got := r.Header.Get("Authorization"); got != token && got != password {
			rw.WriteHeader(http.StatusUnauthorized)
			return
		}
		proxy.ServeHTTP(rw, r)
	}))
	defer guard.Close()
	file := func(text string) string {
		path := filepath.Join(t.TempDir(), "file")
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	ca := file(string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: guard.Certificate().Raw})))
	secret := file("secret\n")
	for name, test := range map[string]struct {
		access audit.RegistryAccess
		err    string // empty: none
	}{
		"a token":         {audit.RegistryAccess{CAFile: ca, TokenFile: secret}, ""},
		"a password":      {audit.RegistryAccess{CAFile: ca, Username: "alice", PasswordFile: secret}, ""},
		"nothing":         {audit.RegistryAccess{CAFile: ca}, "schema"},
		"no authority":    {audit.RegistryAccess{TokenFile: secret}, "certificate"},
		"no file":         {audit.RegistryAccess{CAFile: ca, TokenFile: "/no/such"}, "/no/such"},
		"no certificate":  {audit.RegistryAccess{CAFile: secret}, "no certificate in PEM"},
		"half a pair":     {audit.RegistryAccess{CertFile: ca}, "belong together"},
		"half of a name":  {audit.RegistryAccess{Username: "alice"}, "belong together"},
		"two credentials": {audit.RegistryAccess{Username: "alice", TokenFile: secret}, "exclude each"},
	} {
		t.Run(name, func(t *testing.T) {
			source := w.source
			source.RegistryURL, source.Registry = guard.URL, test.access
			_, err := audit.Run(t.Context(), audit.Options{Source: source})
			switch {
			case test.err == "" && err != nil:
				t.Error(err)
			case test.err != "" && (err == nil || !strings.Contains(err.Error(), test.err)):
				t.Errorf("the error is %v, want one with %q", err, test.err)
			}
		})
	}
}
