package kafka

import (
	"context"
	"fmt"
	"iter"
	"log/slog"
	"net"
	"reflect"
	"time"
)

// MetadataMaxAge is how late both clients may notice, without an error telling them, that a
// topic got partitions or a partition a new leader.
const MetadataMaxAge = time.Minute

// Settings is how a process reaches a Kafka cluster. Both clients come from it: Options for
// franz-go, Sarama for Sarama and Goka. The zero value of a field means its default; Brokers must
// be given. Settings is a value: copies are independent of each other, apart from Logger.
//
// The tags are the one place of each option's name, default, limits and help: WithDefaults and
// Validate read them, and package config makes the section kafka of the configuration of them. min and
// max are the limits; where least or most is given, Validate takes that instead, and only the
// configuration is as strict as min and max. A field whose key is "-" is not an option.
type Settings struct {
	// Brokers has a default in the configuration only.
	Brokers  []string `key:"brokers" default:"localhost:9092" help:"Brokers to ask for the rest of the cluster, each host:port."`
	ClientID string   `key:"client-id" default:"refold" help:"The name in the brokers' logs, metrics and quotas."`
	Rack     string   `key:"rack" help:"Where this worker runs, such as an availability zone. The standbys of a partition are in other racks than its owner, if workers name any, and read from a replica in their own rack, if brokers allow it (replica.selector.class). Empty: racks don't count."`
	TLS      TLS      `key:"tls"`
	SASL     SASL     `key:"sasl"`

	// DialTimeout is generous for a network across regions, and short enough to go on to the next broker.
	DialTimeout time.Duration `key:"dial-timeout" default:"10s" min:"100ms" max:"5m" help:"Limit of TCP connect and TLS handshake together."`
	// RequestTimeout comes on top of what the request itself asks a broker to wait. A live broker answers in
	// milliseconds, and a change of leader takes a few seconds.
	RequestTimeout time.Duration `key:"request-timeout" default:"10s" min:"100ms" max:"5m" most:"15m" help:"How long an answer may take; a broker that is silent for longer is taken for gone."`
	// SessionTimeout need not cover a restore or a long transaction, only pauses of the whole process:
	// heartbeats go out in the background.
	SessionTimeout time.Duration `key:"session-timeout" default:"15s" min:"6s" least:"1s" max:"30m" help:"How long a dead worker's partitions stand still. Brokers allow no less than 6s as they come."`
	// HeartbeatInterval is short because a member hears of a rebalance by the answer to a heartbeat: the
	// partitions of a worker that stops stand still until the others have heard of it. Ten requests a second
	// cost a worker a thousandth of a core.
	HeartbeatInterval time.Duration `key:"heartbeat-interval" default:"100ms" min:"50ms" max:"10m" help:"How often a worker tells its groups that it lives; a third of session-timeout at most. It is the longest that a rebalance, such as that of a worker that stops, goes unnoticed. A group of very many workers may take a longer one, to spare its coordinator requests."`
	// RebalanceTimeout is longer than a transaction may reasonably take to commit, so that a clean rebalance
	// aborts nothing.
	RebalanceTimeout time.Duration `key:"rebalance-timeout" default:"30s" min:"1s" max:"30m" help:"How long members may finish what they hold before partitions move on without them."`
	// TransactionTimeout must be longer than the slowest transaction. A batch commits in milliseconds; with a
	// change of leader in the middle it takes longer. A worker that comes back ends its open transaction at
	// once.
	TransactionTimeout time.Duration `key:"transaction-timeout" default:"30s" min:"1s" max:"15m" help:"The longest that a dead worker's open transaction holds up readers. Brokers allow up to 15m as they come."`

	// RecordBytes is the largest record that is sent, as the function of that name counts. Default:
	// DefaultRecordBytes.
	RecordBytes int `key:"-"`
	// LargerRecordBytes is the same for topics that have a limit of their own.
	LargerRecordBytes map[string]int `key:"-"`
	// Dial makes connections, in place of TCP and TLS: through a tunnel, or, in tests, within the
	// process. Nil: by TCP.
	Dial func(ctx context.Context, network, address string) (net.Conn, error) `key:"-" json:"-" yaml:"-"`
	// Logger gets what franz-go says (see Options). Nil: nothing is logged. Sarama's logger is
	// global to the process; see SetSaramaLogger.
	Logger *slog.Logger `key:"-" json:"-" yaml:"-"`
}

// TLS says how connections are encrypted and which certificates are trusted.
type TLS struct {
	// Enabled is what all other fields need.
	Enabled bool   `key:"enabled" default:"false" help:"Turns TLS on."`
	CAFile  string `key:"ca-file" help:"Authorities that we trust (PEM); empty: the system's."`
	// CertFile and KeyFile are read again for each connection, so that they can be renewed while the process
	// runs.
	CertFile   string `key:"cert-file" help:"Our own certificate (PEM), if brokers ask for one."`
	KeyFile    string `key:"key-file" help:"Its key (PEM)."`
	ServerName string `key:"server-name" help:"The name that certificates must carry, if not their host's."`
	// InsecureSkipVerify is the only way to turn verification off. It is refused beside a CAFile or a
	// ServerName, which would then have no effect.
	InsecureSkipVerify bool `key:"insecure-skip-verify" default:"false" help:"Accepts any certificate, and so anybody in between. For trials only."`
}

// The mechanisms of SASL.Mechanism.
const (
	MechanismPlain       = "PLAIN"
	MechanismSCRAM256    = "SCRAM-SHA-256"
	MechanismSCRAM512    = "SCRAM-SHA-512"
	MechanismOAuthBearer = "OAUTHBEARER"
)

// SASL says how this process proves its identity.
type SASL struct {
	Mechanism string `key:"mechanism" oneof:"|PLAIN|SCRAM-SHA-256|SCRAM-SHA-512|OAUTHBEARER" help:"Empty: no SASL."`
	Username  string `key:"username" help:"For PLAIN and SCRAM."`
	Password  Secret `key:"password" help:"For PLAIN and SCRAM. From the environment or the file, never a flag; better: password-file."`
	// PasswordFile is read again by franz-go, and by Sarama with SCRAM. Sarama with PLAIN knows only the
	// password that was there when Settings.Sarama was called.
	PasswordFile string `key:"password-file" help:"File with the password; read again whenever we authenticate."`
	OAuth        OAuth  `key:",inline"`
	// AllowUnencrypted is not needed for brokers on this host.
	AllowUnencrypted bool `key:"allow-unencrypted" default:"false" help:"Lets PLAIN and OAUTHBEARER go over a connection without TLS, where anybody can read them."`
}

// OAuth says where the token for OAUTHBEARER comes from: exactly one of Token, TokenFile and
// TokenURL. Its options are in the section of SASL.
type OAuth struct {
	Token     Secret `key:"token" help:"For OAUTHBEARER: a fixed token."`
	TokenFile string `key:"token-file" help:"For OAUTHBEARER: a file with the token, read again whenever we authenticate."`
	// TokenURL is asked by OAuth 2.0's client credentials grant: https, or http on this host. A token is used
	// until shortly before it expires.
	TokenURL         string `key:"token-url" help:"For OAUTHBEARER: where client credentials are exchanged for a token."`
	ClientID         string `key:"client-id" help:"For the token URL."`
	ClientSecret     Secret `key:"client-secret" help:"For the token URL."`
	ClientSecretFile string `key:"client-secret-file" help:"For the token URL: a file with the secret."`
	Scope            string `key:"scope" help:"For the token URL: what the token is asked for; empty: the server's default."`
	// Extensions go along with each token (KIP-342), for example a logical cluster.
	Extensions map[string]string `key:"-"`
}

// WithDefaults returns the settings with every default filled in.
func (s Settings) WithDefaults() Settings {
	for tag, option := range s.options() {
		switch value := option.(type) {
		case *string:
			setDefault(value, tag.Get("default"))
		case *time.Duration:
			setDefault(value, duration(tag.Get("default")))
		}
	}
	setDefault(&s.RecordBytes, DefaultRecordBytes)
	return s
}

// options yields the tags of each option outside TLS and SASL, and a pointer to its value.
func (s *Settings) options() iter.Seq2[reflect.StructTag, any] {
	return func(yield func(reflect.StructTag, any) bool) {
		fields := reflect.ValueOf(s).Elem()
		for i := range fields.NumField() {
			tag := fields.Type().Field(i).Tag
			if tag.Get("key") != "-" && !yield(tag, fields.Field(i).Addr().Interface()) {
				return
			}
		}
	}
}

// duration reads a duration of a tag.
func duration(text string) time.Duration {
	d, err := time.ParseDuration(text)
	if err != nil {
		panic(fmt.Sprintf("kafka: a tag of Settings: %v", err))
	}
	return d
}

func setDefault[T comparable](field *T, value T) {
	var zero T
	if *field == zero {
		*field = value
	}
}
