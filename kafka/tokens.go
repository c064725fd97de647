package kafka

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"
)

const (
	// tokenExpiryMargin is how long before its end a token is not given out any more: it must
	// survive the way to the broker and clocks that differ.
	tokenExpiryMargin = 30 * time.Second

	// tokenAnswerLimit is far more than a token, whose limit is a header's: some 16 KiB.
	tokenAnswerLimit = 1 << 20
)

// tokens gives out OAUTHBEARER tokens. A token from a URL is kept until shortly before it expires:
// a client opens several connections a broker, and they all start at once.
type tokens struct {
	oauth  OAuth
	client *http.Client

	turn    chan struct{} // held while the two below are read or changed
	token   string
	expires time.Time
}

func (s Settings) newTokens() (*tokens, error) {
	t := &tokens{oauth: s.SASL.OAuth, turn: make(chan struct{}, 1)}
	switch {
	case t.oauth.TokenFile != "":
		_, err := t.fromFile() // tells at once, rather than at the first connection
		return t, err
	case t.oauth.TokenURL != "":
		// The same authorities are trusted for the token server and for the brokers; ServerName and
		// the client's certificate are for brokers only.
		trust := TLS{CAFile: s.TLS.CAFile, InsecureSkipVerify: s.TLS.InsecureSkipVerify}
		config, err := trust.Config()
		if err != nil {
			return nil, err
		}
		transport := http.DefaultTransport.(*http.Transport).Clone()
		transport.TLSClientConfig = config
		// One answer is wanted now and then: a connection kept open would only go stale.
		transport.DisableKeepAlives = true
		t.client = &http.Client{Transport: transport, Timeout: s.RequestTimeout}
		_, err = t.clientSecret()
		return t, err
	}
	return t, nil
}

func (t *tokens) fromFile() (string, error) {
	return SecretOrFile("", t.oauth.TokenFile, "sasl.token-file")
}

func (t *tokens) clientSecret() (string, error) {
	return SecretOrFile(t.oauth.ClientSecret, t.oauth.ClientSecretFile,
		"sasl.client-secret-file")
}

// get returns a token that is valid now.
func (t *tokens) get(ctx context.Context) (string, error) {
	switch {
	case t.oauth.Token != "":
		return string(t.oauth.Token), nil
	case t.oauth.TokenFile != "":
		return t.fromFile()
	}
	select {
	case t.turn <- struct{}{}:
		defer func() { <-t.turn }()
	case <-ctx.Done():
		return "", ctx.Err()
	}
	if t.token != "" && time.Now().Before(t.expires) {
		return t.token, nil
	}
	token, lifetime, err := t.request(ctx)
	if err != nil {
		return "", fmt.Errorf("asking sasl.token-url for a token: %w", err)
	}
	t.token, t.expires = token, time.Now().Add(lifetime-tokenExpiryMargin)
	return token, nil
}

// request asks for a token by the client credentials grant (RFC 6749, 4.4). The answer's body is
// never part of an error: it may hold a token.
func (t *tokens) request(ctx context.Context) (string, time.Duration, error) {
	secret, err := t.clientSecret()
	if err != nil {
		return "", 0, err
	}
	form := url.Values{"grant_type": {"client_credentials"}}
	if t.oauth.Scope != "" {
		form.Set("scope", t.oauth.Scope)
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, t.oauth.TokenURL,
		strings.NewReader(form.Encode()))
	if err != nil {
		return "", 0, err
	}
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	request.Header.Set("Accept", "application/json")
	// RFC 6749, 2.3.1: both are form-encoded before they become Basic credentials.
	request.SetBasicAuth(url.QueryEscape(t.oauth.ClientID), url.QueryEscape(secret))
	response, err := t.client.Do(request)
	if err != nil {
		return "", 0, err
	}
	defer func() { _ = response.Body.Close() }()
	if response.StatusCode != http.StatusOK {
		return "", 0, fmt.Errorf("it answered %s", response.Status)
	}
	var answer struct {
		AccessToken string `json:"access_token"`
		ExpiresIn   int64  `json:"expires_in"` // seconds; 0: not told, so not kept
	}
	body := io.LimitReader(response.Body, tokenAnswerLimit)
	if err := json.NewDecoder(body).Decode(&answer); err != nil {
		return "", 0, fmt.Errorf("its answer is not the JSON of a token: %T", err)
	}
	if answer.AccessToken == "" {
		return "", 0, fmt.Errorf("its answer has no access_token")
	}
	return answer.AccessToken, time.Duration(answer.ExpiresIn) * time.Second, nil
}
