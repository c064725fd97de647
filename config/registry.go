package config

import (
	"strings"

	"refold/kafka"
)

// contradictions finds options of the registry that don't go together.
func (r *Registry) contradictions(wrong func(path, value, allowed string)) {
	if len(r.URLs) == 0 {
		wrong("registry.urls", "", "at least one URL is needed")
	}
	for _, text := range r.URLs {
		if value, allowed := urlMistake(text); allowed != "" {
			wrong("registry.urls", value, allowed)
		} else if r.authenticates() && !r.AllowUnencrypted && kafka.Exposed(text) {
			wrong("registry.urls", text, "an https URL, or one of this host, if a password or a token is "+
				"sent; or set registry.allow-unencrypted if anybody on the network may read it")
		}
	}
	r.credentials(wrong)
	r.certificates(wrong)
}

func (r *Registry) authenticates() bool {
	return r.Username != "" || r.Token != "" || r.TokenFile != ""
}

func (r *Registry) credentials(wrong func(path, value, allowed string)) {
	if r.Password != "" && r.Username == "" {
		wrong("registry.username", "", "is missing; allowed: the name that belongs to registry.password")
	}
	if r.PasswordFile != "" && r.Username == "" {
		wrong("registry.username", "", "is missing; allowed: the name that belongs to registry.password-file")
	}
	if r.Password != "" && r.PasswordFile != "" {
		wrong("registry.password-file", r.PasswordFile, "not together with a password")
	}
	if r.Token != "" && r.TokenFile != "" {
		wrong("registry.token-file", r.TokenFile, "not together with a token")
	}
	if r.Username != "" && (r.Token != "" || r.TokenFile != "") {
		wrong("registry.username", r.Username, "not together with a token")
	}
}

func (r *Registry) certificates(wrong func(path, value, allowed string)) {
	t := r.TLS
	if t.CertFile == "" && t.KeyFile != "" {
		wrong("registry.tls.cert-file", "",
			"is missing; allowed: the certificate that belongs to registry.tls.key-file")
	}
	if t.KeyFile == "" && t.CertFile != "" {
		wrong("registry.tls.key-file", "",
			"is missing; allowed: the key that belongs to registry.tls.cert-file")
	}
	for _, text := range r.URLs {
		if strings.HasPrefix(text, "https:") {
			return
		}
	}
	const allowed = "nothing, unless a URL of registry.urls begins with https://"
	if t.CAFile != "" {
		wrong("registry.tls.ca-file", t.CAFile, allowed)
	}
	if t.CertFile != "" {
		wrong("registry.tls.cert-file", t.CertFile, allowed)
	}
}
