package local

import (
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"time"

	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/sr/srfake"

	"refold/kafka"
)

const (
	// DefaultPartitions is what a topic gets when whoever makes it does not say.
	DefaultPartitions = 4

	// noCleaning is a year, in milliseconds. Where the imitation compacts a log, it lets the log start at the
	// first record that is left, which no broker does: a log that starts above zero has lost records.
	noCleaning = "31536000000"

	// registryHeaderTimeout ends connections that were opened and then forgotten.
	registryHeaderTimeout = 10 * time.Second
)

// Options say how the cluster is to be. The zero value is one broker and a registry on free ports,
// open to everybody on this host.
type Options struct {
	// Brokers is the number of brokers; 0: one.
	Brokers int
	// Port is where the first broker listens, the next ones at the ports that follow; 0: any.
	Port int
	// RegistryPort is where the registry listens; 0: any.
	RegistryPort int
	// Partitions is what a topic gets when whoever makes it does not say; 0: DefaultPartitions.
	Partitions int
	// Topics are made by Start.
	Topics []kafka.TopicSpec
	// Users may authenticate; empty: nobody needs to.
	Users []User
	// TLS makes the brokers speak TLS with this configuration. Not the registry.
	TLS *tls.Config
	// TransactionVersion is the finalized feature transaction.version; 0: the imitation's own, 2.
	// It is what the cluster says when asked; it goes on accepting what either version sends.
	TransactionVersion int16
	// Logger gets the cluster's warnings and errors, and more if it is enabled for debug.
	Logger *slog.Logger
	// Kafka are further options, which win over those above.
	Kafka []kfake.Opt
}

// User is somebody who may authenticate, by one mechanism, and may then do everything.
type User struct {
	Mechanism string // kafka.MechanismPlain, MechanismSCRAM256 or MechanismSCRAM512
	Name      string
	Password  string
}

// Cluster is a running cluster with its registry.
type Cluster struct {
	kafka       *kfake.Cluster
	registry    *srfake.Registry
	server      *http.Server
	registryURL string
	served      chan struct{} // closed when the server has ended
}

// Start starts a cluster and a registry. Close them.
func Start(options Options) (*Cluster, error) {
	cluster, err := kfake.NewCluster(options.kfake()...)
	if err != nil {
		return nil, fmt.Errorf("starting the local cluster: %w", err)
	}
	c := &Cluster{kafka: cluster, registry: srfake.NewRegistry(), served: make(chan struct{})}
	if err := c.serveRegistry(options.RegistryPort); err != nil {
		cluster.Close()
		return nil, err
	}
	if err := c.makeTopics(options.Topics); err != nil {
		return nil, errors.Join(err, c.Close())
	}
	return c, nil
}

func (o Options) kfake() []kfake.Opt {
	brokers := max(o.Brokers, 1)
	partitions := o.Partitions
	if partitions == 0 {
		partitions = DefaultPartitions
	}
	opts := []kfake.Opt{
		kfake.NumBrokers(brokers),
		kfake.ClusterID("local"),
		kfake.DefaultNumPartitions(partitions),
		kfake.BrokerConfigs(map[string]string{"log.cleaner.backoff.ms": noCleaning}),
	}
	if o.Port != 0 {
		ports := make([]int, brokers)
		for i := range ports {
			ports[i] = o.Port + i
		}
		opts = append(opts, kfake.Ports(ports...))
	}
	if len(o.Users) > 0 {
		opts = append(opts, kfake.EnableSASL())
	}
	for _, user := range o.Users {
		opts = append(opts, kfake.Superuser(user.Mechanism, user.Name, user.Password))
	}
	if o.TransactionVersion != 0 {
		opts = append(opts, TransactionVersion(o.TransactionVersion))
	}
	if o.TLS != nil {
		opts = append(opts, kfake.TLS(o.TLS))
	}
	if o.Logger != nil {
		opts = append(opts, kfake.WithLogger(logger{o.Logger.With("component", "local-kafka")}))
	}
	return append(opts, o.Kafka...)
}

func (c *Cluster) serveRegistry(port int) error {
	address := &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: port}
	listener, err := net.ListenTCP("tcp", address)
	if err != nil {
		return fmt.Errorf("starting the local registry: %w", err)
	}
	c.registryURL = "http://" + listener.Addr().String()
	c.server = &http.Server{
		Handler:           c.registry.Handler(),
		ReadHeaderTimeout: registryHeaderTimeout,
	}
	go func() {
		defer close(c.served)
		_ = c.server.Serve(listener) // ends when Close closes it
	}()
	return nil
}

// makeTopics makes the topics that the options name.
func (c *Cluster) makeTopics(specs []kafka.TopicSpec) error {
	for _, spec := range specs {
		if err := c.kafka.CreateTopic(spec.Name, spec.Partitions, spec.Config); err != nil {
			return fmt.Errorf("making topic %s: %w", spec.Name, err)
		}
	}
	return nil
}

// Brokers are the addresses of all brokers.
func (c *Cluster) Brokers() []string { return c.kafka.ListenAddrs() }

// RegistryURL is where the schema registry answers, in the form of Confluent's.
func (c *Cluster) RegistryURL() string { return c.registryURL }

// Kafka is the imitation itself: its hooks answer, hold or fail any request.
func (c *Cluster) Kafka() *kfake.Cluster { return c.kafka }

// Registry is the imitated registry itself: schemas can be put into it, requests intercepted.
func (c *Cluster) Registry() *srfake.Registry { return c.registry }

// Close stops the brokers and the registry, and forgets everything they held.
func (c *Cluster) Close() error {
	c.kafka.Close()
	err := c.server.Close()
	<-c.served
	if err != nil {
		return fmt.Errorf("stopping the local registry: %w", err)
	}
	return nil
}
