package kafka

import (
	"fmt"
	"net"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// Mistake is one wrong field of Settings, as a value: a configuration file, a flag or an HTTP
// handler can each show it in its own way.
type Mistake struct {
	Path    string // the field as it is written in a configuration, "sasl.mechanism"
	Value   string // what was found; a secret is never among it
	Allowed string // what would be right
}

// String says it in one line.
func (m Mistake) String() string {
	return fmt.Sprintf("%s: %q; allowed: %s", m.Path, m.Value, m.Allowed)
}

// Mistakes is all that is wrong with Settings, in the order of their fields. errors.As finds it.
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
		ms.add("clientId", s.ClientID, "at most 249 of a-z, A-Z, 0-9, '.', '_', '-'")
	}
	if s.RecordBytes < 0 || s.RecordBytes > MaxRecordBytes {
		ms.add("recordBytes", s.RecordBytes, fmt.Sprintf("1 to %d, or 0 for the default", MaxRecordBytes))
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
	for i, broker := range s.Brokers {
		host, port, err := net.SplitHostPort(broker)
		number, errPort := strconv.Atoi(port)
		if err != nil || errPort != nil || host == "" || number < 1 || number > 65535 {
			ms.add(fmt.Sprintf("brokers[%d]", i), broker, allowed)
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

func isThisHost(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || (ip != nil && ip.IsLoopback())
}

func (t TLS) check(ms *Mistakes) {
	if !t.Enabled {
		const allowed = "nothing, unless tls.enabled is true"
		notSet(ms, "tls.caFile", t.CAFile, allowed)
		notSet(ms, "tls.certFile", t.CertFile, allowed)
		notSet(ms, "tls.keyFile", t.KeyFile, allowed)
		notSet(ms, "tls.serverName", t.ServerName, allowed)
		notSet(ms, "tls.insecureSkipVerify", t.InsecureSkipVerify, allowed)
		return
	}
	if t.CertFile == "" && t.KeyFile != "" {
		ms.add("tls.certFile", "", "the certificate that belongs to tls.keyFile")
	}
	if t.KeyFile == "" && t.CertFile != "" {
		ms.add("tls.keyFile", "", "the key that belongs to tls.certFile")
	}
	if t.InsecureSkipVerify {
		const allowed = "nothing, while tls.insecureSkipVerify is true"
		notSet(ms, "tls.caFile", t.CAFile, allowed)
		notSet(ms, "tls.serverName", t.ServerName, allowed)
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
			"with tls.enabled, or with sasl.allowUnencrypted if anybody on the network may see it")
	}
}

func (s SASL) checkNoPassword(ms *Mistakes, allowed string) {
	notSet(ms, "sasl.username", s.Username, allowed)
	notSet(ms, "sasl.password", s.Password, allowed)
	notSet(ms, "sasl.passwordFile", s.PasswordFile, allowed)
}

func (s SASL) checkPassword(ms *Mistakes) {
	if s.Username == "" {
		ms.add("sasl.username", "", "a name, for "+s.Mechanism)
	}
	if s.Password == "" && s.PasswordFile == "" {
		ms.add("sasl.password", "", "a password here or in sasl.passwordFile, for "+s.Mechanism)
	}
	if s.Password != "" && s.PasswordFile != "" {
		ms.add("sasl.passwordFile", s.PasswordFile, "nothing, while sasl.password is set")
	}
}

func (o OAuth) checkNone(ms *Mistakes) {
	const allowed = "nothing, unless sasl.mechanism is OAUTHBEARER"
	notSet(ms, "sasl.oauth.token", o.Token, allowed)
	notSet(ms, "sasl.oauth.tokenFile", o.TokenFile, allowed)
	o.checkNoClient(ms, allowed)
}

func (o OAuth) checkNoClient(ms *Mistakes, allowed string) {
	notSet(ms, "sasl.oauth.tokenUrl", o.TokenURL, allowed)
	notSet(ms, "sasl.oauth.clientId", o.ClientID, allowed)
	notSet(ms, "sasl.oauth.clientSecret", o.ClientSecret, allowed)
	notSet(ms, "sasl.oauth.clientSecretFile", o.ClientSecretFile, allowed)
	notSet(ms, "sasl.oauth.scope", o.Scope, allowed)
}

func (o OAuth) check(ms *Mistakes) {
	switch {
	case o.Token != "":
		const allowed = "nothing, while sasl.oauth.token is set"
		notSet(ms, "sasl.oauth.tokenFile", o.TokenFile, allowed)
		o.checkNoClient(ms, allowed)
	case o.TokenFile != "":
		o.checkNoClient(ms, "nothing, while sasl.oauth.tokenFile is set")
	case o.TokenURL != "":
		o.checkClient(ms)
	default:
		ms.add("sasl.oauth.token", "",
			"one of sasl.oauth.token, tokenFile and tokenUrl, for OAUTHBEARER")
	}
	for key := range o.Extensions {
		// RFC 7628: these are the frame of the client's message.
		if key == "" || key == "auth" || strings.ContainsFunc(key, notALetter) {
			ms.add("sasl.oauth.extensions", key, "names of letters only, not \"auth\"")
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
		ms.add("sasl.oauth.tokenUrl", shown,
			"an https URL without user name and password, or an http URL on this host")
	}
	if o.ClientID == "" {
		ms.add("sasl.oauth.clientId", "", "the client's ID, for sasl.oauth.tokenUrl")
	}
	if o.ClientSecret == "" && o.ClientSecretFile == "" {
		ms.add("sasl.oauth.clientSecret", "",
			"a secret here or in sasl.oauth.clientSecretFile, for sasl.oauth.tokenUrl")
	}
	if o.ClientSecret != "" && o.ClientSecretFile != "" {
		ms.add("sasl.oauth.clientSecretFile", o.ClientSecretFile,
			"nothing, while sasl.oauth.clientSecret is set")
	}
}

func (s Settings) checkTimeouts(ms *Mistakes) {
	within := func(path string, d, least, most time.Duration) {
		if d < least || d > most {
			ms.add(path, d, fmt.Sprintf("%v to %v", least, most))
		}
	}
	within("dialTimeout", s.DialTimeout, 100*time.Millisecond, 5*time.Minute)
	within("requestTimeout", s.RequestTimeout, 100*time.Millisecond, 15*time.Minute)
	within("sessionTimeout", s.SessionTimeout, time.Second, 30*time.Minute)
	within("heartbeatInterval", s.HeartbeatInterval, 100*time.Millisecond, 10*time.Minute)
	if s.HeartbeatInterval > s.SessionTimeout/3 {
		ms.add("heartbeatInterval", s.HeartbeatInterval,
			fmt.Sprintf("at most a third of sessionTimeout, %v", s.SessionTimeout/3))
	}
	within("rebalanceTimeout", s.RebalanceTimeout, time.Second, 30*time.Minute)
	within("transactionTimeout", s.TransactionTimeout, time.Second, 15*time.Minute)
}
