package webhook

import (
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"time"
)

// minSecret is the least length of a secret, in bytes.
const minSecret = 16

// Options say where events are sent, and how. URL is required; the zero value of any other field has the
// meaning that its comment says.
type Options struct {
	// URL takes the requests. It must be https, or http on this host.
	URL string
	// AllowUnencrypted allows http to other hosts.
	AllowUnencrypted bool
	// SecretFile has the secret that requests are signed with: at least 16 bytes as they are, or whsec_ and
	// base64. It is read for each request. Empty: requests are not signed.
	SecretFile string
	// Headers are added to each request, such as Authorization.
	Headers map[string]string
	// Source is ce-source; empty: that of the event, which is the aggregates' name in the plural.
	Source string
	// Timeout limits a request, its answer included. 0: 10 s.
	Timeout time.Duration
	// Faults in a row open the circuit, for Pause. 0: 5, and 30 s.
	Faults int
	Pause  time.Duration
	// Transport makes the requests; nil: http.DefaultTransport.
	Transport http.RoundTripper
}

// validate lists what is wrong with the options.
func (o *Options) validate() error {
	var errs []error
	at, err := url.Parse(o.URL)
	switch {
	case err != nil || at.Host == "":
		errs = append(errs, fmt.Errorf("URL is %q; it must be one, such as https://example.com/hook", o.URL))
	case at.Scheme == "https":
	case at.Scheme != "http":
		errs = append(errs, fmt.Errorf("URL is %q; it must begin with https://", o.URL))
	case !o.AllowUnencrypted && !isLocal(at.Hostname()):
		errs = append(errs, fmt.Errorf("URL is %q, by which anybody on the way reads events; it must be "+
			"https, or set AllowUnencrypted", o.URL))
	}
	if o.Timeout < 0 || o.Pause < 0 || o.Faults < 0 {
		errs = append(errs, fmt.Errorf("of Timeout (%v), Pause (%v) and Faults (%d) each must be above 0",
			o.Timeout, o.Pause, o.Faults))
	}
	return errors.Join(errs...)
}

func isLocal(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// complete fills in defaults.
func (o *Options) complete() {
	if o.Timeout == 0 {
		o.Timeout = 10 * time.Second
	}
	if o.Pause == 0 {
		o.Pause = 30 * time.Second
	}
	if o.Faults == 0 {
		o.Faults = 5
	}
}
