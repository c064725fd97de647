package kafka_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/IBM/sarama"
	"github.com/google/go-cmp/cmp"
	"github.com/twmb/franz-go/pkg/kgo"

	"refold/kafka"
)

// Each pair is the same fact as each of the two clients has it.
func TestBothClientsAgree(t *testing.T) {
	settings := kafka.Settings{
		Brokers:            []string{"127.0.0.1:1"},
		ClientID:           "me",
		DialTimeout:        1100 * time.Millisecond,
		RequestTimeout:     2200 * time.Millisecond,
		SessionTimeout:     33 * time.Second,
		HeartbeatInterval:  4400 * time.Millisecond,
		RebalanceTimeout:   55 * time.Second,
		TransactionTimeout: 66 * time.Second,
	}
	for name, settings := range map[string]kafka.Settings{
		"all given": settings,
		"defaults":  {Brokers: []string{"127.0.0.1:1"}},
	} {
		t.Run(name, func(t *testing.T) { checkAgreement(t, settings) })
	}
}

func checkAgreement(t *testing.T, settings kafka.Settings) {
	t.Helper()
	c, err := settings.Sarama()
	if err != nil {
		t.Fatal(err)
	}
	opts, err := settings.Options()
	if err != nil {
		t.Fatal(err)
	}
	franz := connect(t, opts...)
	want := settings.WithDefaults()
	isolation := map[any]string{
		sarama.ReadCommitted: "committed", sarama.ReadUncommitted: "uncommitted",
		int8(0): "uncommitted", int8(1): "committed", // as franz-go keeps it
	}
	acks := map[any]string{sarama.WaitForAll: "all", kgo.AllISRAcks(): "all"}
	for _, fact := range []struct {
		name                string
		want, sarama, franz any
	}{
		{"client ID", want.ClientID, c.ClientID, franz.OptValue(kgo.ClientID)},
		{"dial", want.DialTimeout, c.Net.DialTimeout, franz.OptValue(kgo.DialTimeout)},
		// franz-go adds the rebalance time-out by itself where a join is answered.
		{
			"answer", want.RequestTimeout, c.Net.ReadTimeout - want.RebalanceTimeout,
			franz.OptValue(kgo.RequestTimeoutOverhead),
		},
		{
			"produce", want.RequestTimeout, c.Producer.Timeout,
			franz.OptValue(kgo.ProduceRequestTimeout),
		},
		{
			"session", want.SessionTimeout, c.Consumer.Group.Session.Timeout,
			franz.OptValue(kgo.SessionTimeout),
		},
		{
			"heartbeat", want.HeartbeatInterval, c.Consumer.Group.Heartbeat.Interval,
			franz.OptValue(kgo.HeartbeatInterval),
		},
		{
			"rebalance", want.RebalanceTimeout, c.Consumer.Group.Rebalance.Timeout,
			franz.OptValue(kgo.RebalanceTimeout),
		},
		{
			"transaction", want.TransactionTimeout, c.Producer.Transaction.Timeout,
			franz.OptValue(kgo.TransactionTimeout),
		},
		{
			"metadata age", kafka.MetadataMaxAge, c.Metadata.RefreshFrequency,
			franz.OptValue(kgo.MetadataMaxAge),
		},
		{
			"batch bytes", kafka.MaxBatchBytes, c.Producer.MaxMessageBytes,
			int(franz.OptValue(kgo.ProducerBatchMaxBytes).(int32)),
		},
		{
			"topics by accident", false, c.Metadata.AllowAutoTopicCreation,
			franz.OptValue(kgo.AllowAutoTopicCreation),
		},
		{
			"idempotent", true, c.Producer.Idempotent,
			!franz.OptValue(kgo.DisableIdempotentWrite).(bool),
		},
		{
			"isolation", "committed", isolation[c.Consumer.IsolationLevel],
			isolation[franz.OptValue(kgo.FetchIsolationLevel)],
		},
		{"acks", "all", acks[c.Producer.RequiredAcks], acks[franz.OptValue(kgo.RequiredAcks)]},
		{
			"first offset", kgo.NewOffset().AtStart().EpochOffset(),
			kgo.NewOffset().At(c.Consumer.Offsets.Initial).EpochOffset(),
			franz.OptValue(kgo.ConsumeResetOffset).(kgo.Offset).EpochOffset(),
		},
	} {
		if fact.sarama != fact.want || fact.franz != fact.want {
			t.Errorf("%s: Sarama %v, franz-go %v, want %v", fact.name, fact.sarama, fact.franz,
				fact.want)
		}
	}
}

// Design §2, no. 6 and 14: what Goka's own default gets wrong.
func TestSaramaSettingsThatCarryPromises(t *testing.T) {
	c, err := kafka.Settings{Brokers: []string{"127.0.0.1:1"}}.Sarama()
	if err != nil {
		t.Fatal(err)
	}
	if !c.Version.IsAtLeast(sarama.V3_6_0_0) {
		t.Errorf("version %v", c.Version)
	}
	if c.Net.MaxOpenRequests != 1 {
		t.Errorf("%d open requests", c.Net.MaxOpenRequests)
	}
	flush := c.Producer.Flush
	if flush.Frequency == 0 && (flush.Bytes > 0 || flush.Messages > 0) {
		t.Error("Sarama would wait for bytes for ever")
	}
	if !c.Producer.Return.Successes || !c.Producer.Return.Errors || !c.Consumer.Return.Errors {
		t.Error("Goka would not hear how it went")
	}
	second, err := kafka.Settings{Brokers: []string{"127.0.0.1:1"}}.Sarama()
	if err != nil {
		t.Fatal(err)
	}
	if c == second || c.MetricRegistry == second.MetricRegistry {
		t.Error("two configurations share something")
	}
}

func TestValidateReportsAllMistakesAtOnce(t *testing.T) {
	settings := kafka.Settings{
		Brokers:  []string{"good:9092", "no-port", ":9092", "host:0", "host:65536"},
		ClientID: "not a name",
		TLS:      kafka.TLS{CAFile: "ca.pem", InsecureSkipVerify: true},
		SASL: kafka.SASL{
			Mechanism: "scram",
			OAuth:     kafka.OAuth{Token: "topsecret"},
		},
		HeartbeatInterval: 10 * time.Second,
		RequestTimeout:    time.Millisecond,
	}
	err := settings.Validate()
	mistakes, ok := errors.AsType[kafka.Mistakes](err)
	if !ok {
		t.Fatalf("%T: %v", err, err)
	}
	var paths []string
	for _, mistake := range mistakes {
		path := mistake.Path
		if path == "brokers" {
			path += " " + mistake.Value
		}
		paths = append(paths, path)
		if mistake.Allowed == "" {
			t.Errorf("%s: it does not say what would be right", mistake.Path)
		}
		if !strings.Contains(err.Error(), mistake.Path+": ") {
			t.Errorf("the error does not name %s", mistake.Path)
		}
	}
	want := []string{
		"brokers no-port", "brokers :9092", "brokers host:0", "brokers host:65536", "client-id",
		"tls.ca-file", "tls.insecure-skip-verify", "sasl.mechanism", "request-timeout", "heartbeat-interval",
	}
	if diff := cmp.Diff(want, paths); diff != "" {
		t.Error(diff)
	}
}

func TestValidateOneMistakeEach(t *testing.T) {
	type edit = func(*kafka.Settings)
	sasl := func(s kafka.SASL) edit { return func(to *kafka.Settings) { to.SASL = s } }
	oauth := func(o kafka.OAuth) edit {
		return sasl(kafka.SASL{Mechanism: kafka.MechanismOAuthBearer, OAuth: o})
	}
	tls := func(c kafka.TLS) edit { return func(to *kafka.Settings) { to.TLS = c } }
	plain := kafka.SASL{Mechanism: kafka.MechanismPlain, Username: "u", Password: "topsecret"}
	far := func(s kafka.SASL) edit {
		return func(to *kafka.Settings) { to.SASL, to.Brokers = s, []string{"far:9092"} }
	}
	for path, change := range map[string]edit{
		"brokers":             func(to *kafka.Settings) { to.Brokers = nil },
		"session-timeout":     func(to *kafka.Settings) { to.SessionTimeout = time.Hour },
		"dial-timeout":        func(to *kafka.Settings) { to.DialTimeout = -1 },
		"rebalance-timeout":   func(to *kafka.Settings) { to.RebalanceTimeout = time.Hour },
		"transaction-timeout": func(to *kafka.Settings) { to.TransactionTimeout = time.Hour },
		"tls.key-file":        tls(kafka.TLS{Enabled: true, CertFile: "x"}),
		"tls.cert-file":       tls(kafka.TLS{Enabled: true, KeyFile: "x"}),
		"tls.ca-file":         tls(kafka.TLS{Enabled: true, InsecureSkipVerify: true, CAFile: "x"}),
		"sasl.username": sasl(kafka.SASL{
			Mechanism: kafka.MechanismPlain, Password: "topsecret",
		}),
		"sasl.password": sasl(kafka.SASL{Mechanism: kafka.MechanismSCRAM256, Username: "u"}),
		"sasl.password-file": sasl(kafka.SASL{
			Mechanism: kafka.MechanismPlain, Username: "u",
			Password: "topsecret", PasswordFile: "f",
		}),
		"sasl.mechanism":          far(plain),
		"sasl.token":              oauth(kafka.OAuth{}),
		"sasl.token-file":         oauth(kafka.OAuth{Token: "topsecret", TokenFile: "f"}),
		"sasl.token-url":          oauth(clientOf("http://far/token")),
		"sasl.extensions":         oauth(extended("auth")),
		"sasl.client-secret-file": oauth(twoSecrets()),
	} {
		t.Run(path, func(t *testing.T) {
			settings := kafka.Settings{Brokers: []string{"127.0.0.1:9092"}}
			change(&settings)
			mistakes, _ := errors.AsType[kafka.Mistakes](settings.Validate())
			if len(mistakes) != 1 || mistakes[0].Path != path {
				t.Errorf("%v", mistakes)
			}
			if strings.Contains(fmt.Sprint(mistakes), "topsecret") {
				t.Errorf("a secret is shown: %v", mistakes)
			}
			if _, err := settings.Options(); err == nil {
				t.Error("Options took it")
			}
			if _, err := settings.Sarama(); err == nil {
				t.Error("Sarama took it")
			}
		})
	}
}

// Nothing but the session's time-out need be given for a faster or a slower group.
func TestHeartbeatsFitTheShortestSession(t *testing.T) {
	for _, session := range []time.Duration{0, time.Second, 30 * time.Minute} {
		settings := kafka.Settings{Brokers: []string{"127.0.0.1:9092"}, SessionTimeout: session}
		if err := settings.Validate(); err != nil {
			t.Errorf("session %v: %v", session, err)
		}
	}
	settings := kafka.Settings{
		Brokers:        []string{"127.0.0.1:9092"},
		SessionTimeout: 6 * time.Second, HeartbeatInterval: 3 * time.Second,
	}
	err := settings.Validate()
	if err == nil || !strings.Contains(err.Error(), "session-timeout, 2s, at most") {
		t.Errorf("of three heartbeats two may go missing: %v", err)
	}
}

// The configuration is stricter where clusters differ.
func TestLimitsAreWiderThanThoseOfTheConfiguration(t *testing.T) {
	settings := kafka.Settings{
		Brokers: []string{"127.0.0.1:9092"}, SessionTimeout: time.Second, RequestTimeout: 15 * time.Minute,
	}
	if err := settings.Validate(); err != nil {
		t.Error(err)
	}
	settings.SessionTimeout--
	settings.RequestTimeout++
	if mistakes, _ := errors.AsType[kafka.Mistakes](settings.Validate()); len(mistakes) != 2 {
		t.Errorf("%v", mistakes)
	}
}

func clientOf(url string) kafka.OAuth {
	return kafka.OAuth{TokenURL: url, ClientID: "c", ClientSecret: "topsecret"}
}

func extended(name string) kafka.OAuth {
	return kafka.OAuth{Token: "topsecret", Extensions: map[string]string{name: "x"}}
}

func twoSecrets() kafka.OAuth {
	o := clientOf("https://far/token")
	o.ClientSecretFile = "f"
	return o
}

func TestPasswordsMayGoUnencryptedOnlyWhenSaidOrOnThisHost(t *testing.T) {
	plain := kafka.SASL{Mechanism: kafka.MechanismPlain, Username: "u", Password: "p"}
	said := plain
	said.AllowUnencrypted = true
	for name, settings := range map[string]kafka.Settings{
		"this host": {Brokers: []string{"localhost:9092", "[::1]:9092"}, SASL: plain},
		"said":      {Brokers: []string{"far:9092"}, SASL: said},
		"TLS":       {Brokers: []string{"far:9092"}, SASL: plain, TLS: kafka.TLS{Enabled: true}},
		"never sent": {Brokers: []string{"far:9092"}, SASL: kafka.SASL{
			Mechanism: kafka.MechanismSCRAM512, Username: "u", Password: "p",
		}},
	} {
		if err := settings.Validate(); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestFilesThatCanNotBeReadAreNamed(t *testing.T) {
	dir := t.TempDir()
	empty := filepath.Join(dir, "empty")
	if err := os.WriteFile(empty, []byte("\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	none := filepath.Join(dir, "none")
	user := kafka.SASL{Mechanism: kafka.MechanismPlain, Username: "u"}
	withFile := func(file string) kafka.SASL { user.PasswordFile = file; return user }
	token := kafka.SASL{Mechanism: kafka.MechanismOAuthBearer, OAuth: kafka.OAuth{TokenFile: none}}
	secret := kafka.SASL{Mechanism: kafka.MechanismOAuthBearer, OAuth: kafka.OAuth{
		TokenURL: "http://localhost:1", ClientID: "c", ClientSecretFile: none,
	}}
	for _, test := range []struct {
		field    string
		settings kafka.Settings
	}{
		{"sasl.password-file", kafka.Settings{SASL: withFile(none)}},
		{"sasl.password-file", kafka.Settings{SASL: withFile(empty)}},
		{"sasl.token-file", kafka.Settings{SASL: token}},
		{"sasl.client-secret-file", kafka.Settings{SASL: secret}},
		{"tls.ca-file", kafka.Settings{TLS: kafka.TLS{Enabled: true, CAFile: none}}},
		{"tls.ca-file", kafka.Settings{TLS: kafka.TLS{Enabled: true, CAFile: empty}}},
		{"tls.cert-file", kafka.Settings{
			TLS: kafka.TLS{Enabled: true, CertFile: none, KeyFile: none},
		}},
	} {
		test.settings.Brokers = []string{"127.0.0.1:9092"}
		_, errFranz := test.settings.Options()
		_, errSarama := test.settings.Sarama()
		for _, err := range []error{errFranz, errSarama} {
			if err == nil || !strings.Contains(err.Error(), test.field) {
				t.Errorf("%s: %v", test.field, err)
			}
		}
	}
}

func TestSecretIsNeverPrinted(t *testing.T) {
	settings := kafka.Settings{
		Brokers: []string{"localhost:9092"},
		SASL: kafka.SASL{Password: "topsecret", OAuth: kafka.OAuth{
			Token: "topsecret", ClientSecret: "topsecret",
		}},
	}
	asJSON, err := json.Marshal(settings.SASL)
	if err != nil {
		t.Fatal(err)
	}
	var logged strings.Builder
	slog.New(slog.NewTextHandler(&logged, nil)).Info("x", "password", settings.SASL.Password,
		"sasl", settings.SASL)
	for _, text := range []string{
		fmt.Sprint(settings), fmt.Sprintf("%+v", settings), fmt.Sprintf("%#v", settings),
		fmt.Sprintf("%s %q", settings.SASL.Password, settings.SASL.Password),
		string(asJSON), logged.String(),
	} {
		if strings.Contains(text, "topsecret") {
			t.Error(text)
		}
	}
	if kafka.Secret("").String() != "" {
		t.Error("no secret looks like one")
	}
}

// Partitions are restored at the same time, each by a client of its own, made of the same options.
// With kgo.ProducerBatchCompression among them the race detector finds one.
func TestClientsAreMadeOfTheSameOptionsAtTheSameTime(t *testing.T) {
	opts, err := kafka.Settings{Brokers: []string{"127.0.0.1:1"}}.Options()
	if err != nil {
		t.Fatal(err)
	}
	var group sync.WaitGroup
	for range 8 {
		group.Go(func() {
			client, err := kgo.NewClient(opts...)
			if err != nil {
				t.Error(err)
				return
			}
			client.Close()
		})
	}
	group.Wait()
}
