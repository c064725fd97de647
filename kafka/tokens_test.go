package kafka_test

import (
	"bytes"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"refold/kafka"
	"refold/kafka/local"
)

// bearerCluster imitates OAUTHBEARER, which the embedded cluster does not know: it takes whoever
// shows the token.
func bearerCluster(t *testing.T, token func() string) *local.Cluster {
	t.Helper()
	cluster := start(t, local.Options{})
	handshake := func(request kmsg.Request) (kmsg.Response, error, bool) {
		cluster.Kafka().KeepControl()
		answer := request.ResponseKind().(*kmsg.SASLHandshakeResponse)
		answer.SupportedMechanisms = []string{kafka.MechanismOAuthBearer}
		return answer, nil, true
	}
	authenticate := func(request kmsg.Request) (kmsg.Response, error, bool) {
		cluster.Kafka().KeepControl()
		answer := request.ResponseKind().(*kmsg.SASLAuthenticateResponse)
		shown := request.(*kmsg.SASLAuthenticateRequest).SASLAuthBytes
		want := []byte("\x01auth=Bearer " + token() + "\x01")
		if !bytes.Contains(shown, want) || !bytes.Contains(shown, []byte("\x01cluster=7\x01")) {
			answer.ErrorCode = kerr.SaslAuthenticationFailed.Code
			answer.ErrorMessage = kmsg.StringPtr("invalid token")
		}
		return answer, nil, true
	}
	cluster.Kafka().ControlKey(int16(kmsg.SASLHandshake), handshake)
	cluster.Kafka().ControlKey(int16(kmsg.SASLAuthenticate), authenticate)
	return cluster
}

func bearer(cluster *local.Cluster, o kafka.OAuth) kafka.Settings {
	o.Extensions = map[string]string{"cluster": "7"}
	return kafka.Settings{
		Brokers: cluster.Brokers(),
		SASL:    kafka.SASL{Mechanism: kafka.MechanismOAuthBearer, OAuth: o},
	}
}

func TestFixedToken(t *testing.T) {
	cluster := bearerCluster(t, func() string { return "token" })
	for name, err := range tryBoth(t, bearer(cluster, kafka.OAuth{Token: "token"})) {
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	for client, err := range tryBoth(t, bearer(cluster, kafka.OAuth{Token: "0ther"})) {
		checkRefusal(t, client, err, "0ther")
	}
}

// A token that is mounted into a pod changes there; new connections show the new one.
func TestTokenFileIsReadAtEachAuthentication(t *testing.T) {
	var valid atomic.Value
	valid.Store("first")
	cluster := bearerCluster(t, func() string { return valid.Load().(string) })
	file := filepath.Join(t.TempDir(), "token")
	write(t, file, "first\n")
	opts, err := bearer(cluster, kafka.OAuth{TokenFile: file}).Options()
	if err != nil {
		t.Fatal(err)
	}
	client := connect(t, opts...)
	write(t, file, "second\n")
	if err := client.Ping(deadline(t)); err == nil {
		t.Fatal("it connected with a token that was there before")
	}
	valid.Store("second")
	if err := client.Ping(deadline(t)); err != nil {
		t.Error(err)
	}
}

// tokenServer gives out tokens that live for some seconds and counts them.
func tokenServer(t *testing.T, lifetime int) (url string, given *atomic.Int32) {
	t.Helper()
	given = new(atomic.Int32)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		id, secret, _ := r.BasicAuth()
		// RFC 6749, 2.3.1: "a+b" arrives form-encoded.
		if id != "a%2Bb" || secret != "s3cret" || r.FormValue("scope") != "kafka" ||
			r.FormValue("grant_type") != "client_credentials" {
			http.Error(w, "s3cret", http.StatusUnauthorized)
			return
		}
		given.Add(1)
		_ = json.NewEncoder(w).Encode(map[string]any{
			"access_token": "granted", "expires_in": lifetime,
		})
	}))
	t.Cleanup(server.Close)
	return server.URL, given
}

func TestTokenFromClientCredentials(t *testing.T) {
	cluster := bearerCluster(t, func() string { return "granted" })
	url, given := tokenServer(t, 3600)
	client := kafka.OAuth{
		TokenURL: url, ClientID: "a+b", ClientSecret: "s3cret", Scope: "kafka",
	}
	for name, err := range tryBoth(t, bearer(cluster, client)) {
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	if given.Load() != 2 {
		t.Errorf("%d tokens for 2 clients with some connections each", given.Load())
	}
	client.ClientSecret = "an0ther"
	for name, err := range tryBoth(t, bearer(cluster, client)) {
		if err == nil || strings.Contains(err.Error(), "an0ther") ||
			strings.Contains(err.Error(), "s3cret") || !strings.Contains(err.Error(), "401") ||
			!strings.Contains(err.Error(), "sasl.token-url") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// A token that would expire on its way is asked for anew for each connection.
func TestTokenIsNotKeptUntilItsVeryEnd(t *testing.T) {
	cluster := bearerCluster(t, func() string { return "granted" })
	url, given := tokenServer(t, 20)
	settings := bearer(cluster, kafka.OAuth{
		TokenURL: url, ClientID: "a+b", ClientSecret: "s3cret", Scope: "kafka",
	})
	opts, err := settings.Options()
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := connect(t, opts...).Ping(deadline(t)); err != nil {
			t.Fatal(err)
		}
	}
	if given.Load() < 2 {
		t.Errorf("%d tokens for 2 connections", given.Load())
	}
}

func TestTokenServerAnswersThatAreNone(t *testing.T) {
	for name, body := range map[string]string{
		"no JSON": "t0ken", "no token": `{"expires_in":1}`, "cut": `{"access_token":"t0k`,
	} {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			_, _ = w.Write([]byte(body))
		}))
		t.Cleanup(server.Close)
		cluster := bearerCluster(t, func() string { return "granted" })
		settings := bearer(cluster, kafka.OAuth{
			TokenURL: server.URL, ClientID: "c", ClientSecret: "s",
		})
		for client, err := range tryBoth(t, settings) {
			if err == nil || !strings.Contains(err.Error(), "sasl.token-url") ||
				strings.Contains(err.Error(), "t0k") {
				t.Errorf("%s, %s: %v", name, client, err)
			}
		}
	}
}
