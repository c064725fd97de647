package codecs

import (
	"encoding/base64"
	"fmt"
	"net/http"

	"refold/kafka"
)

// Credentials prove this process's identity to the registry: a user name with a password, or a token, or
// neither. The files are read for each request, so that what they hold can be renewed while the process runs:
// a registry is asked seldom.
type Credentials struct {
	// Username and Password are sent as basic authentication. PasswordFile is a file with the password, in
	// place of Password.
	Username     string
	Password     kafka.Secret
	PasswordFile string
	// Token is sent as a bearer token (RFC 6750). TokenFile is a file with the token, in place of Token, such
	// as a projected token of a Kubernetes service account.
	Token     kafka.Secret
	TokenFile string
	// AllowUnencrypted lets them go over http to another host, where anybody on the network can read them.
	AllowUnencrypted bool
}

// given reports whether there are any.
func (c Credentials) given() bool {
	return c.Username != "" || c.Token != "" || c.TokenFile != ""
}

// mistakes returns all that is wrong with them.
func (c Credentials) mistakes(urls []string) (found []error) {
	wrong := func(format string, args ...any) { found = append(found, fmt.Errorf(format, args...)) }
	if c.Username == "" && c.Password != "" {
		wrong("Username is empty, but there is a Password; set both or neither")
	}
	if c.Username == "" && c.PasswordFile != "" {
		wrong("Username is empty, but there is a PasswordFile; set both or neither")
	}
	if c.Password != "" && c.PasswordFile != "" {
		wrong("PasswordFile is %q; must be empty while there is a Password", c.PasswordFile)
	}
	if c.Token != "" && c.TokenFile != "" {
		wrong("TokenFile is %q; must be empty while there is a Token", c.TokenFile)
	}
	if c.Username != "" && (c.Token != "" || c.TokenFile != "") {
		wrong("Username is %q; must be empty while there is a token", c.Username)
	}
	for i, text := range urls {
		if c.given() && !c.AllowUnencrypted && kafka.Exposed(text) {
			wrong("URLs[%d] is %q; must begin with https:// if credentials are sent to another host, or set "+
				"AllowUnencrypted if anybody on the network may read them", i, text)
		}
	}
	return found
}

// header returns the value of the header Authorization as it is now; empty: none.
func (c Credentials) header() (string, error) {
	if c.Username != "" {
		password, err := kafka.SecretOrFile(c.Password, c.PasswordFile, "registry.password-file")
		if err != nil {
			return "", err //nolint:wrapcheck // it names the option and the file
		}
		return "Basic " + base64.StdEncoding.EncodeToString([]byte(c.Username+":"+password)), nil
	}
	token, err := kafka.SecretOrFile(c.Token, c.TokenFile, "registry.token-file")
	if err != nil || token == "" {
		return "", err //nolint:wrapcheck // it names the option and the file
	}
	return "Bearer " + token, nil
}

// authorized adds credentials to requests to one server. A request that a redirect leads to another server
// gets none.
type authorized struct {
	http.RoundTripper
	credentials  Credentials
	scheme, host string
}

// RoundTrip sends a request that is answered 401 once more if the credentials were renewed in the meantime.
func (a authorized) RoundTrip(request *http.Request) (*http.Response, error) {
	if request.URL.Scheme != a.scheme || request.URL.Host != a.host {
		return a.RoundTripper.RoundTrip(request)
	}
	header, err := a.credentials.header()
	if err != nil {
		if request.Body != nil {
			request.Body.Close() // a RoundTripper must
		}
		return nil, err
	}
	if header == "" {
		return a.RoundTripper.RoundTrip(request)
	}
	response, err := a.RoundTripper.RoundTrip(withHeader(request, header))
	if err != nil || response.StatusCode != http.StatusUnauthorized {
		return response, err
	}
	again := request
	renewed, err := a.credentials.header()
	if err != nil || renewed == header {
		return response, nil //nolint:nilerr // the answer says more
	}
	if request.GetBody != nil {
		again = request.Clone(request.Context())
		if again.Body, err = request.GetBody(); err != nil {
			return response, nil //nolint:nilerr // the answer says more
		}
	}
	response.Body.Close()
	return a.RoundTripper.RoundTrip(withHeader(again, renewed))
}

func withHeader(request *http.Request, value string) *http.Request {
	with := request.Clone(request.Context())
	with.Header.Set("Authorization", value)
	return with
}
