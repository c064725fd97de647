package kafka_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/IBM/sarama"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"refold/kafka"
	"refold/kafka/local"
)

// tryFranz asks the cluster for something by franz-go.
func tryFranz(ctx context.Context, t *testing.T, settings kafka.Settings) error {
	t.Helper()
	opts, err := settings.Options()
	if err != nil {
		t.Fatal(err)
	}
	client, err := kgo.NewClient(opts...)
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	return client.Ping(ctx)
}

// trySarama asks the cluster for something by Sarama.
func trySarama(t *testing.T, settings kafka.Settings) error {
	t.Helper()
	config, err := settings.Sarama()
	if err != nil {
		t.Fatal(err)
	}
	config.Metadata.Retry.Max = 0
	client, err := sarama.NewClient(settings.Brokers, config)
	if err != nil {
		return err
	}
	return client.Close()
}

// tryBoth asks the cluster for something by each client.
func tryBoth(t *testing.T, settings kafka.Settings) map[string]error {
	t.Helper()
	return map[string]error{
		"franz-go": tryFranz(deadline(t), t, settings),
		"Sarama":   trySarama(t, settings),
	}
}

// checkRefusal checks that an error tells of what it is about, and nothing that is secret.
func checkRefusal(t *testing.T, client string, err error, secret string) {
	t.Helper()
	if err == nil {
		t.Fatalf("%s came in", client)
	}
	if !strings.Contains(strings.ToLower(err.Error()), "authentication") {
		t.Errorf("%s does not say that it is about authentication: %v", client, err)
	}
	if strings.Contains(err.Error(), secret) {
		t.Errorf("%s shows the secret: %v", client, err)
	}
}

func TestBothClientsAuthenticate(t *testing.T) {
	mechanisms := []string{
		kafka.MechanismPlain, kafka.MechanismSCRAM256, kafka.MechanismSCRAM512,
	}
	for _, mechanism := range mechanisms {
		t.Run(mechanism, func(t *testing.T) {
			cluster := start(t, local.Options{Users: []local.User{
				{Mechanism: mechanism, Name: "somebody", Password: "right"},
			}})
			file := filepath.Join(t.TempDir(), "password")
			write(t, file, "right\n")
			settings := kafka.Settings{
				Brokers: cluster.Brokers(),
				SASL:    kafka.SASL{Mechanism: mechanism, Username: "somebody", Password: "right"},
			}
			fromFile := settings
			fromFile.SASL.Password, fromFile.SASL.PasswordFile = "", file
			for _, settings := range []kafka.Settings{settings, fromFile} {
				for client, err := range tryBoth(t, settings) {
					if err != nil {
						t.Errorf("%s: %v", client, err)
					}
				}
			}
			settings.SASL.Password = "wr0ng"
			refuseLogins(cluster)
			for client, err := range tryBoth(t, settings) {
				checkRefusal(t, client, err, "wr0ng")
			}
		})
	}
}

// refuseLogins makes the cluster answer as Kafka answers wrong credentials: the imitation's own
// answer is to hang up.
func refuseLogins(cluster *local.Cluster) {
	cluster.Kafka().ControlKey(int16(kmsg.SASLAuthenticate),
		func(request kmsg.Request) (kmsg.Response, error, bool) {
			cluster.Kafka().KeepControl()
			answer := request.ResponseKind().(*kmsg.SASLAuthenticateResponse)
			answer.ErrorCode = kerr.SaslAuthenticationFailed.Code
			answer.ErrorMessage = kmsg.StringPtr("Authentication failed: invalid credentials")
			return answer, nil, true
		})
}

// A wrong password is no fault of the network: a restore must not go on trying.
func TestReadPartitionEndsAtOnceOnAWrongPassword(t *testing.T) {
	cluster := start(t, local.Options{
		Topics: one("t"),
		Users:  []local.User{{Mechanism: kafka.MechanismSCRAM512, Name: "u", Password: "right"}},
	})
	refuseLogins(cluster)
	opts, err := kafka.Settings{Brokers: cluster.Brokers(), SASL: kafka.SASL{
		Mechanism: kafka.MechanismSCRAM512, Username: "u", Password: "wrong",
	}}.Options()
	if err != nil {
		t.Fatal(err)
	}
	_, err = kafka.ReadPartition(deadline(t), opts, kafka.Range{Topic: "t"}, ignore)
	if !errors.Is(err, kerr.SaslAuthenticationFailed) {
		t.Errorf("%v", err)
	}
}

func write(t *testing.T, file, text string) {
	t.Helper()
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// authority issues certificates for this host.
type authority struct {
	t    *testing.T
	dir  string
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
}

func newAuthority(t *testing.T) *authority {
	t.Helper()
	a := &authority{t: t, dir: t.TempDir()}
	a.cert, a.key = a.issue("ca", true)
	return a
}

func (a *authority) file(name string) string { return filepath.Join(a.dir, name) }

// issue makes a certificate and writes it and its key to name.pem and name.key.
func (a *authority) issue(name string, isCA bool) (*x509.Certificate, *ecdsa.PrivateKey) {
	a.t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		a.t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1),
		Subject:      pkix.Name{CommonName: name},
		NotAfter:     time.Now().Add(time.Hour),
		DNSNames:     []string{"localhost", "broker.example"},
		IPAddresses:  []net.IP{net.IPv4(127, 0, 0, 1)},
		IsCA:         isCA,
		ExtKeyUsage: []x509.ExtKeyUsage{
			x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth,
		},
		BasicConstraintsValid: true,
	}
	parent, parentKey := a.cert, a.key
	if isCA {
		parent, parentKey = template, key
	}
	der, err := x509.CreateCertificate(rand.Reader, template, parent, &key.PublicKey, parentKey)
	if err != nil {
		a.t.Fatal(err)
	}
	keyDER, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		a.t.Fatal(err)
	}
	certPEM := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	keyPEM := pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: keyDER})
	write(a.t, a.file(name+".pem"), string(certPEM))
	write(a.t, a.file(name+".key"), string(keyPEM))
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		a.t.Fatal(err)
	}
	return cert, key
}

// brokers is a cluster's TLS; it asks for a client's certificate.
func (a *authority) brokers() *tls.Config {
	a.t.Helper()
	a.issue("broker", false)
	pair, err := tls.LoadX509KeyPair(a.file("broker.pem"), a.file("broker.key"))
	if err != nil {
		a.t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AddCert(a.cert)
	return &tls.Config{
		MinVersion:   tls.VersionTLS12,
		Certificates: []tls.Certificate{pair},
		ClientAuth:   tls.RequireAndVerifyClientCert,
		ClientCAs:    pool,
	}
}

func TestBothClientsSpeakTLS(t *testing.T) {
	a := newAuthority(t)
	cluster := start(t, local.Options{TLS: a.brokers()})
	a.issue("client", false)
	ours := kafka.TLS{
		Enabled: true, CAFile: a.file("ca.pem"),
		CertFile: a.file("client.pem"), KeyFile: a.file("client.key"),
	}
	edit := func(change func(*kafka.TLS)) kafka.TLS { c := ours; change(&c); return c }
	other := newAuthority(t)
	other.issue("client", false)
	for _, test := range []struct {
		name string
		tls  kafka.TLS
		ok   bool
	}{
		{"ours", ours, true},
		{"other name", edit(func(c *kafka.TLS) { c.ServerName = "broker.example" }), true},
		{"wrong name", edit(func(c *kafka.TLS) { c.ServerName = "other.example" }), false},
		{"unknown authority", edit(func(c *kafka.TLS) { c.CAFile = other.file("ca.pem") }), false},
		{"system's authorities", edit(func(c *kafka.TLS) { c.CAFile = "" }), false},
		{"insecure, said so", edit(func(c *kafka.TLS) {
			c.CAFile, c.InsecureSkipVerify = "", true
		}), true},
		{"no certificate", edit(func(c *kafka.TLS) { c.CertFile, c.KeyFile = "", "" }), false},
		{"other's certificate", edit(func(c *kafka.TLS) {
			c.CertFile, c.KeyFile = other.file("client.pem"), other.file("client.key")
		}), false},
	} {
		t.Run(test.name, func(t *testing.T) {
			settings := kafka.Settings{Brokers: cluster.Brokers(), TLS: test.tls}
			for name, err := range tryBoth(t, settings) {
				if (err == nil) != test.ok {
					t.Errorf("%s: %v", name, err)
				}
			}
		})
	}
}

// A client certificate is renewed on disk; new connections use it without a restart.
func TestClientCertificateIsReadForEachConnection(t *testing.T) {
	a := newAuthority(t)
	cluster := start(t, local.Options{TLS: a.brokers()})
	other := newAuthority(t)
	other.issue("client", false) // no broker of ours takes it
	settings := kafka.Settings{Brokers: cluster.Brokers(), TLS: kafka.TLS{
		Enabled: true, CAFile: a.file("ca.pem"),
		CertFile: a.file("client.pem"), KeyFile: a.file("client.key"),
	}}
	for _, suffix := range []string{".pem", ".key"} {
		text, err := os.ReadFile(other.file("client" + suffix))
		if err != nil {
			t.Fatal(err)
		}
		write(t, a.file("client"+suffix), string(text))
	}
	opts, err := settings.Options()
	if err != nil {
		t.Fatal(err)
	}
	client := connect(t, opts...)
	if err := client.Ping(deadline(t)); err == nil {
		t.Fatal("the other's certificate was accepted")
	}
	a.issue("client", false)
	if err := client.Ping(deadline(t)); err != nil {
		t.Errorf("after the renewal: %v", err)
	}
}
