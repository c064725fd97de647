package kafka

import (
	"context"
	"log/slog"
	"net"
	"time"
)

// The defaults of Settings. Each can be overridden; zero in Settings means the default.
const (
	// DefaultClientID is the name under which brokers log and meter this process's requests.
	DefaultClientID = "refold"

	// DefaultDialTimeout limits TCP connect and TLS handshake together: generous for a network
	// across regions, short enough to go on to the next broker.
	DefaultDialTimeout = 10 * time.Second

	// DefaultRequestTimeout is how long an answer may take beyond what the request itself asks a
	// broker to wait. A broker that is silent for longer is taken for gone and the connection is
	// made anew; a live one answers in milliseconds, and a change of leader takes a few seconds.
	DefaultRequestTimeout = 10 * time.Second

	// DefaultSessionTimeout is how long a dead worker's partitions stand still. Heartbeats go out
	// in the background, so that it need not cover a restore or a long transaction, only pauses of
	// the whole process. Brokers allow no less than 6 s as they come.
	DefaultSessionTimeout = 15 * time.Second

	// DefaultHeartbeatInterval lets four heartbeats go missing before a session ends.
	DefaultHeartbeatInterval = 3 * time.Second

	// DefaultRebalanceTimeout is how long the members of a group have to finish what they hold
	// before partitions move on without them. Longer than a transaction may reasonably take to
	// commit, so that a clean rebalance aborts nothing.
	DefaultRebalanceTimeout = 30 * time.Second

	// DefaultTransactionTimeout is the longest that the open transaction of a dead worker holds up readers of
	// committed records. A worker that comes back ends it at once. Must be longer than the slowest
	// transaction: a batch commits in milliseconds, so that what is left is a change of leader in the middle
	// of it.
	DefaultTransactionTimeout = 30 * time.Second

	// MetadataMaxAge is how late both clients may notice, without an error telling them, that a
	// topic got partitions or a partition a new leader.
	MetadataMaxAge = time.Minute
)

// Settings is how a process reaches a Kafka cluster. Both clients come from it: Options for
// franz-go, Sarama for Sarama and Goka. The zero value of a field means its default; Brokers is
// the only one without. Settings is a value: copies are independent of each other, apart from
// Logger.
type Settings struct {
	// Brokers to ask for the rest of the cluster, each as host:port.
	Brokers []string
	// ClientID names this process in the brokers' logs, metrics and quotas.
	ClientID string
	// TLS encrypts the connections. Off by default.
	TLS TLS
	// SASL proves this process's identity. Off by default.
	SASL SASL

	// DialTimeout limits the making of one connection.
	DialTimeout time.Duration
	// RequestTimeout limits the wait for an answer, beyond what the request asks a broker to wait.
	RequestTimeout time.Duration
	// SessionTimeout is the silence after which a group gives a member's partitions to others.
	SessionTimeout time.Duration
	// HeartbeatInterval is the time between two signs of life; at most a third of SessionTimeout.
	HeartbeatInterval time.Duration
	// RebalanceTimeout limits how long members may finish their work in a rebalance.
	RebalanceTimeout time.Duration
	// TransactionTimeout is the age at which brokers abort an open transaction by themselves.
	TransactionTimeout time.Duration

	// RecordBytes is the largest record that is sent, as the function of that name counts.
	RecordBytes int `koanf:"recordBytes"`
	// LargerRecordBytes is the same for topics that have a limit of their own.
	LargerRecordBytes map[string]int `koanf:"-"`

	// Dial makes connections, in place of TCP and TLS: through a tunnel, or, in tests, within the
	// process. Nil: by TCP.
	Dial func(ctx context.Context, network, address string) (net.Conn, error) `koanf:"-"`

	// Logger gets what franz-go says (see Options). Nil: nothing is logged. Sarama's logger is
	// global to the process; see SetSaramaLogger.
	Logger *slog.Logger
}

// TLS says how connections are encrypted and which certificates are trusted.
type TLS struct {
	// Enabled turns TLS on. All other fields need it.
	Enabled bool
	// CAFile holds the certificates (PEM) of the trusted authorities; empty: the system's.
	CAFile string
	// CertFile and KeyFile (PEM) are this process's own certificate, if brokers ask for one. Both are read
	// again for each connection, so that they can be renewed while the process runs.
	CertFile string
	KeyFile  string
	// ServerName is the name that the brokers' certificates must carry, if not their host's.
	ServerName string
	// InsecureSkipVerify accepts any certificate, also that of an attacker in between. Nothing but
	// this flag ever turns verification off, and it is refused beside a CAFile or a ServerName, which
	// would then have no effect.
	InsecureSkipVerify bool
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
	// Mechanism is one of the Mechanism constants; empty: no SASL.
	Mechanism string
	// Username and the password, for PLAIN and SCRAM. The password is given directly or as a
	// file. franz-go, and Sarama with SCRAM, read the file anew whenever they authenticate;
	// Sarama with PLAIN knows only the password that was there when Settings.Sarama was called.
	Username     string
	Password     Secret
	PasswordFile string
	// OAuth is for OAUTHBEARER.
	OAuth OAuth
	// AllowUnencrypted permits a mechanism that sends the password or the token itself (PLAIN,
	// OAUTHBEARER) to another host without TLS, where it can be read on the way.
	AllowUnencrypted bool
}

// OAuth says where the token for OAUTHBEARER comes from: exactly one of Token, TokenFile and
// TokenURL.
type OAuth struct {
	// Token is a fixed token.
	Token Secret
	// TokenFile is read anew whenever a connection authenticates (a token that is mounted into a
	// pod and renewed there).
	TokenFile string
	// TokenURL is asked for a token by OAuth 2.0's client credentials grant. A token is used until
	// shortly before it expires. https, or http on this host.
	TokenURL string
	// ClientID and the client's secret (given directly or as a file) go with TokenURL.
	ClientID         string
	ClientSecret     Secret
	ClientSecretFile string
	// Scope is what the token is asked for; empty: the server's default.
	Scope string
	// Extensions go along with each token (KIP-342), for example a logical cluster.
	Extensions map[string]string
}

// Secret is text that is never printed: formatted, logged or marshalled it shows only whether
// there is one. Convert it to a string to use it.
type Secret string

// String reports whether there is a secret, never which.
func (s Secret) String() string {
	if s == "" {
		return ""
	}
	return "[secret]"
}

// GoString is String, for %#v.
func (s Secret) GoString() string { return `"` + s.String() + `"` }

// LogValue is String, for slog.
func (s Secret) LogValue() slog.Value { return slog.StringValue(s.String()) }

// MarshalText is String, for JSON, YAML and their like. There is no way back by intention.
func (s Secret) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// WithDefaults returns the settings with every default filled in.
func (s Settings) WithDefaults() Settings {
	setDefault(&s.ClientID, DefaultClientID)
	setDefault(&s.DialTimeout, DefaultDialTimeout)
	setDefault(&s.RequestTimeout, DefaultRequestTimeout)
	setDefault(&s.SessionTimeout, DefaultSessionTimeout)
	setDefault(&s.HeartbeatInterval, DefaultHeartbeatInterval)
	setDefault(&s.RebalanceTimeout, DefaultRebalanceTimeout)
	setDefault(&s.TransactionTimeout, DefaultTransactionTimeout)
	setDefault(&s.RecordBytes, DefaultRecordBytes)
	return s
}

func setDefault[T comparable](field *T, value T) {
	var zero T
	if *field == zero {
		*field = value
	}
}
