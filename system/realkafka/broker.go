//go:build system

package realkafka

import (
	"context"
	_ "embed" // the broker's configuration
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"text/template"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

//go:embed kafka/server.properties
var serverProperties string

// clusterID is what StorageTool wants: 16 bytes in URL-safe base64.
const clusterID = "cmVmb2xkLXN5c3RlbS10MQ"

// BrokerOptions say how StartBroker starts Kafka.
type BrokerOptions struct {
	// Dir holds configuration, data and log. It must exist.
	Dir string
	// TransactionVersion is the feature transaction.version: 1 (until Kafka 3) or 2 (KIP-890).
	// 0 leaves it to Kafka.
	TransactionVersion int
	// Port of the client listener on the loopback interface; 0 takes a free one.
	Port int
}

// Broker is one running node of Apache Kafka, broker and controller in one (KRaft).
type Broker struct {
	process *Process
	address string
	route   Route
}

// StartBroker starts Kafka and returns when it answers. It takes up to 1 GiB of heap.
func StartBroker(ctx context.Context, o BrokerOptions) (*Broker, error) {
	j, classes, err := findKafka(ctx)
	if err != nil {
		return nil, err
	}
	b := &Broker{}
	properties, err := o.write(ctx, b)
	if err != nil {
		return nil, err
	}
	if err := o.format(ctx, j, classes, properties); err != nil {
		return nil, err
	}
	b.process, err = Start(Command{Name: "kafka", Dir: o.Dir, Args: []string{
		j.binary(), "-Xms1g", "-Xmx1g", "-XX:+UseG1GC",
		"-Dorg.slf4j.simpleLogger.defaultLogLevel=warn",
		"-Dorg.slf4j.simpleLogger.showDateTime=true",
		"-cp", classes, "kafka.Kafka", properties,
	}})
	if err != nil {
		return nil, err
	}
	if err := b.process.WaitReady(ctx, b.answers); err != nil {
		b.process.Kill()
		return nil, err
	}
	return b, nil
}

// write chooses the broker's addresses, makes the configuration file and returns its name.
func (o BrokerOptions) write(ctx context.Context, b *Broker) (file string, err error) {
	ports, err := StablePorts(ctx, 4)
	if err != nil {
		return "", err
	}
	if o.Port != 0 {
		ports[0] = o.Port
	}
	b.address = loopback(ports[0])
	b.route = Route{Advertised: loopback(ports[2]), Broker: loopback(ports[3])}
	var text strings.Builder
	err = template.Must(template.New("").Parse(serverProperties)).Execute(&text, map[string]string{
		"Client":     b.address,
		"Controller": loopback(ports[1]),
		"Proxy":      b.route.Advertised,
		"Proxied":    b.route.Broker,
		"Data":       filepath.Join(o.Dir, "kafka-data"),
	})
	if err != nil {
		return "", fmt.Errorf("filling in server.properties: %w", err)
	}
	file = filepath.Join(o.Dir, "server.properties")
	if err := os.WriteFile(file, []byte(text.String()), 0o600); err != nil {
		return "", fmt.Errorf("writing Kafka's configuration: %w", err)
	}
	return file, nil
}

// format prepares the data folder, unless an earlier run has.
func (o BrokerOptions) format(ctx context.Context, j java, classes, properties string) error {
	args := []string{
		"-cp", classes, "kafka.tools.StorageTool", "format",
		"--ignore-formatted", "--cluster-id", clusterID, "--config", properties,
	}
	if o.TransactionVersion != 0 {
		args = append(args, "--feature", "transaction.version="+strconv.Itoa(o.TransactionVersion))
	}
	out, err := exec.CommandContext(ctx, j.binary(), args...).CombinedOutput()
	if err != nil {
		return fmt.Errorf("formatting Kafka's data folder: %w\n%s", err, lastLines(string(out), 20))
	}
	return nil
}

// answers reports whether the broker has joined its own cluster.
func (b *Broker) answers(ctx context.Context) error {
	client, err := kgo.NewClient(kgo.SeedBrokers(b.address), kgo.RequestRetries(0))
	if err != nil {
		return fmt.Errorf("making a client: %w", err)
	}
	defer client.Close()
	metadata, err := kmsg.NewPtrMetadataRequest().RequestWith(ctx, client)
	if err != nil {
		return fmt.Errorf("asking for metadata: %w", err)
	}
	if len(metadata.Brokers) == 0 {
		return fmt.Errorf("no broker has registered yet")
	}
	return nil
}

// Address is where clients connect: host and port.
func (b *Broker) Address() string { return b.address }

// Route is the way of clients that come through a proxy, which somebody else has to start.
func (b *Broker) Route() Route { return b.route }

// Stop ends the broker cleanly, or kills it if that takes too long.
func (b *Broker) Stop() { b.process.Stop() }

// Kill ends the broker as kill -9 does.
func (b *Broker) Kill() { b.process.Kill() }

// Exited is closed when the broker has ended, by whatever cause.
func (b *Broker) Exited() <-chan struct{} { return b.process.Exited() }
