package config_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestRegistryOptionsThatDontGoTogether(t *testing.T) {
	file := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(file, []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	const password, token = "REFOLD_REGISTRY_PASSWORD=correct-horse", "REFOLD_REGISTRY_TOKEN=correct-horse"
	for name, test := range map[string]struct {
		environ, args []string
		want          string
	}{
		"a password without a name": {[]string{password}, nil, "registry.username (default): is missing"},
		"a file without a name": {
			nil, []string{"--registry.password-file", file}, "registry.username (default): is missing",
		},
		"two passwords": {
			[]string{password},
			[]string{"--registry.username", "x", "--registry.password-file", file},
			"registry.password-file (flag --registry.password-file)",
		},
		"two tokens": {
			[]string{token},
			[]string{"--registry.token-file", file},
			"registry.token-file (flag --registry.token-file)",
		},
		"a name and a token": {
			[]string{token},
			[]string{"--registry.username", "x"},
			"registry.username (flag --registry.username)",
		},
		"a token over the network": {
			[]string{token},
			[]string{"--registry.urls", "http://far:8081"},
			"registry.urls (flag --registry.urls): \"http://far:8081\"; allowed: an https URL",
		},
		"a certificate without a key": {
			nil,
			[]string{"--registry.urls", "https://far", "--registry.tls.cert-file", file},
			"registry.tls.key-file (default): is missing",
		},
		"a key without a certificate": {
			nil,
			[]string{"--registry.urls", "https://far", "--registry.tls.key-file", file},
			"registry.tls.cert-file (default): is missing",
		},
		"an authority without https": {
			nil,
			[]string{"--registry.tls.ca-file", file},
			"registry.tls.ca-file (flag --registry.tls.ca-file)",
		},
		"a file that is missing": {
			nil,
			[]string{"--registry.token-file", file + ".not"},
			"registry.token-file (flag --registry.token-file): \"" + file + ".not\"; allowed: a file",
		},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := load(t, "", test.environ, test.args...)
			if err == nil || !strings.Contains(err.Error(), test.want) ||
				strings.Count(err.Error(), "\n  ") != 1 || strings.Contains(err.Error(), "correct-horse") {
				t.Errorf("got %v\nwant %s alone", err, test.want)
			}
		})
	}
}

func TestRegistryOptionsThatGoTogether(t *testing.T) {
	for _, args := range [][]string{
		{"--registry.urls", "https://far"},
		{"--registry.urls", "http://localhost:1,http://[::1]:2"},
		{"--registry.urls", "http://far", "--registry.allow-unencrypted"},
	} {
		if _, err := load(t, "", []string{"REFOLD_REGISTRY_TOKEN=x"}, args...); err != nil {
			t.Errorf("%v: %v", args, err)
		}
	}
}
