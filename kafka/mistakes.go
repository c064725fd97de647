package kafka

import (
	"cmp"
	"fmt"
	"net"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// Mistake is one wrong option of Settings, as a value: a configuration file, a flag or an HTTP
// handler can each show it in its own way.
type Mistake struct {
	Path    string // the keys of its sections and its own: "sasl.mechanism"
	Value   string // what was found; a secret is never among it
	Allowed string // what would be right
}

// String says it in one line.
func (m Mistake) String() string {
	return fmt.Sprintf("%s: %q; allowed: %s", m.Path, m.Value, m.Allowed)
}

// Mistakes is all that is wrong with Settings. errors.As finds it.
type Mistakes []Mistake

// Error says every mistake on a line of its own.
func (ms Mistakes) Error() string {
	lines := make([]string, len(ms))
	for i, m := range ms {
		lines[i] = m.String()
	}
	return strings.Join(lines, "\n")
}

func (ms *Mistakes) add(path string, value any, allowed string) {
	*ms = append(*ms, Mistake{Path: path, Value: fmt.Sprint(value), Allowed: allowed})
}

// Validate reports everything that is wrong with the settings as Mistakes, or nil. It opens no
// file and no connection: a file that can't be read is reported by Options and Sarama.
func (s Settings) Validate() error {
	s = s.WithDefaults()
	var ms Mistakes
	s.checkBrokers(&ms)
	if len(s.ClientID) > 249 || strings.ContainsFunc(s.ClientID, notInClientID) {
		ms.add("client-id", s.ClientID, "at most 249 of a-z, A-Z, 0-9, '.', '_', '-'")
	}
	if s.RecordBytes < 0 || s.RecordBytes > MaxRecordBytes {
		ms.add("record-bytes", s.RecordBytes, fmt.Sprintf("1 to %d, or 0 for the default", MaxRecordBytes))
	}
	s.TLS.check(&ms)
	s.SASL.check(&ms, !s.TLS.Enabled && !s.onlyThisHost())
	s.checkTimeouts(&ms)
	if len(ms) > 0 {
		return ms
	}
	return nil
}

func notInClientID(r rune) bool {
	return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') &&
		r != '.' && r != '_' && r != '-'
}

func (s Settings) checkBrokers(ms *Mistakes) {
	const allowed = "host:port, the port from 1 to 65535"
	if len(s.Brokers) == 0 {
		ms.add("brokers", "", "at least one "+allowed)
	}
	for _, broker := range s.Brokers {
		host, port, err := net.SplitHostPort(broker)
		number, errPort := strconv.Atoi(port)
		if err != nil || errPort != nil || host == "" || number < 1 || number > 65535 {
			ms.add("brokers", broker, allowed)
		}
	}
}

// onlyThisHost reports whether no broker is asked over a network. Brokers can name others later on;
// a cluster that listens on a loopback address is a local one all the same.
func (s Settings) onlyThisHost() bool {
	for _, broker := range s.Brokers {
		host, _, err := net.SplitHostPort(broker)
		if err != nil || !isThisHost(host) {
			return false
		}
	}
	return true
}

// Exposed reports whether what is sent to a URL crosses a network without encryption: it is http, and of
// another host.
func Exposed(address string) bool {
	u, err := url.Parse(address)
	return err == nil && u.Scheme == "http" && !isThisHost(u.Hostname())
}

func isThisHost(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || (ip != nil && ip.IsLoopback())
}

func (t TLS) check(ms *Mistakes) {
	if !t.Enabled {
		const allowed = "nothing, unless tls.enabled is true"
		notSet(ms, "tls.ca-file", t.CAFile, allowed)
		notSet(ms, "tls.cert-file", t.CertFile, allowed)
		notSet(ms, "tls.key-file", t.KeyFile, allowed)
		notSet(ms, "tls.server-name", t.ServerName, allowed)
		notSet(ms, "tls.insecure-skip-verify", t.InsecureSkipVerify, allowed)
		return
	}
	if t.CertFile == "" && t.KeyFile != "" {
		ms.add("tls.cert-file", "", "the certificate that belongs to tls.key-file")
	}
	if t.KeyFile == "" && t.CertFile != "" {
		ms.add("tls.key-file", "", "the key that belongs to tls.cert-file")
	}
	if t.InsecureSkipVerify {
		const allowed = "nothing, while tls.insecure-skip-verify is true"
		notSet(ms, "tls.ca-file", t.CAFile, allowed)
		notSet(ms, "tls.server-name", t.ServerName, allowed)
	}
}

// notSet reports a field that has a value where there must be none.
func notSet[T comparable](ms *Mistakes, path string, value T, allowed string) {
	var zero T
	if value != zero {
		ms.add(path, value, allowed)
	}
}

func (s SASL) check(ms *Mistakes, exposed bool) {
	switch s.Mechanism {
	case "":
		s.checkNoPassword(ms, "nothing, unless sasl.mechanism is set")
		s.OAuth.checkNone(ms)
	case MechanismPlain, MechanismSCRAM256, MechanismSCRAM512:
		s.checkPassword(ms)
		s.OAuth.checkNone(ms)
	case MechanismOAuthBearer:
		s.checkNoPassword(ms, "nothing, while sasl.mechanism is OAUTHBEARER")
		s.OAuth.check(ms)
	default:
		ms.add("sasl.mechanism", s.Mechanism, strings.Join([]string{
			"empty", MechanismPlain,
			MechanismSCRAM256, MechanismSCRAM512, MechanismOAuthBearer,
		}, ", "))
	}
	shown := s.Mechanism == MechanismPlain || s.Mechanism == MechanismOAuthBearer
	if shown && exposed && !s.AllowUnencrypted {
		ms.add("sasl.mechanism", s.Mechanism,
			"with tls.enabled, or with sasl.allow-unencrypted if anybody on the network may see it")
	}
}

func (s SASL) checkNoPassword(ms *Mistakes, allowed string) {
	notSet(ms, "sasl.username", s.Username, allowed)
	notSet(ms, "sasl.password", s.Password, allowed)
	notSet(ms, "sasl.password-file", s.PasswordFile, allowed)
}

func (s SASL) checkPassword(ms *Mistakes) {
	if s.Username == "" {
		ms.add("sasl.username", "", "a name, for "+s.Mechanism)
	}
	if s.Password == "" && s.PasswordFile == "" {
		ms.add("sasl.password", "", "a password here or in sasl.password-file, for "+s.Mechanism)
	}
	if s.Password != "" && s.PasswordFile != "" {
		ms.add("sasl.password-file", s.PasswordFile, "nothing, while sasl.password is set")
	}
}

func (o OAuth) checkNone(ms *Mistakes) {
	const allowed = "nothing, unless sasl.mechanism is OAUTHBEARER"
	notSet(ms, "sasl.token", o.Token, allowed)
	notSet(ms, "sasl.token-file", o.TokenFile, allowed)
	o.checkNoClient(ms, allowed)
}

func (o OAuth) checkNoClient(ms *Mistakes, allowed string) {
	notSet(ms, "sasl.token-url", o.TokenURL, allowed)
	notSet(ms, "sasl.client-id", o.ClientID, allowed)
	notSet(ms, "sasl.client-secret", o.ClientSecret, allowed)
	notSet(ms, "sasl.client-secret-file", o.ClientSecretFile, allowed)
	notSet(ms, "sasl.scope", o.Scope, allowed)
}

func (o OAuth) check(ms *Mistakes) {
	switch {
	case o.Token != "":
		const allowed = "nothing, while sasl.token is set"
		notSet(ms, "sasl.token-file", o.TokenFile, allowed)
		o.checkNoClient(ms, allowed)
	case o.TokenFile != "":
		o.checkNoClient(ms, "nothing, while sasl.token-file is set")
	case o.TokenURL != "":
		o.checkClient(ms)
	default:
		ms.add("sasl.token", "",
			"one of sasl.token, sasl.token-file and sasl.token-url, for OAUTHBEARER")
	}
	for key := range o.Extensions {
		// RFC 7628: these are the frame of the client's message.
		if key == "" || key == "auth" || strings.ContainsFunc(key, notALetter) {
			ms.add("sasl.extensions", key, "names of letters only, not \"auth\"")
		}
	}
}

func notALetter(r rune) bool { return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') }

func (o OAuth) checkClient(ms *Mistakes) {
	u, err := url.Parse(o.TokenURL)
	if err != nil || u.Host == "" || u.User != nil ||
		(u.Scheme != "https" && (u.Scheme != "http" || !isThisHost(u.Hostname()))) {
		shown := "unreadable"
		if err == nil {
			shown = u.Redacted()
		}
		ms.add("sasl.token-url", shown,
			"an https URL without user name and password, or an http URL on this host")
	}
	if o.ClientID == "" {
		ms.add("sasl.client-id", "", "the client's ID, for sasl.token-url")
	}
	if o.ClientSecret == "" && o.ClientSecretFile == "" {
		ms.add("sasl.client-secret", "",
			"a secret here or in sasl.client-secret-file, for sasl.token-url")
	}
	if o.ClientSecret != "" && o.ClientSecretFile != "" {
		ms.add("sasl.client-secret-file", o.ClientSecretFile,
			"nothing, while sasl.client-secret is set")
	}
}

// checkTimeouts holds the times to the limits in their tags.
func (s Settings) checkTimeouts(ms *Mistakes) {
	for tag, option := range s.options() {
		d, is := option.(*time.Duration)
		if !is {
			continue
		}
		least, most := cmp.Or(tag.Get("least"), tag.Get("min")), cmp.Or(tag.Get("most"), tag.Get("max"))
		if *d < duration(least) || *d > duration(most) {
			ms.add(tag.Get("key"), *d, least+" to "+most)
		}
	}
	if most := s.SessionTimeout / 3; s.HeartbeatInterval > most {
		ms.add("heartbeat-interval", s.HeartbeatInterval,
			fmt.Sprintf("a third of session-timeout, %v, at most", most))
	}
}
