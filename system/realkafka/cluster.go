//go:build system

package realkafka

import (
	"context"
	_ "embed" // the brokers' configuration
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"text/template"

	"golang.org/x/sync/errgroup"
)

//go:embed kafka/cluster.properties
var clusterProperties string

// Nodes is how many a Cluster has.
const Nodes = 3

// direct is the listener of those who are not sent through a proxy, the brokers among them.
const direct = "DIRECT"

// ClusterOptions say how NewCluster prepares a cluster.
type ClusterOptions struct {
	// Dir holds configurations, data and logs. It must exist.
	Dir string
	// Clients each get a listener of their own on every broker, and are told other addresses than
	// those that the brokers listen on: those of proxies in between, see Node.Route.
	Clients []Client
}

// Client has a listener of its own.
type Client struct {
	// Name is letters and digits.
	Name string
	// User is whom the client has to authenticate as, by SASL/PLAIN with Password; it may do what
	// Admin.Allow has allowed it. Empty: nobody asks, and the client may do everything.
	User string
}

// Password is that of all users of a cluster.
const Password = "of-a-test"

// Cluster is three nodes of Apache Kafka, each broker and controller in one: every partition on all
// of them, and written when two have it. Any one may be down or away.
type Cluster struct {
	nodes []*Node
	java  java
	// classes is the class path.
	classes string
}

// Route leads a client to a broker.
type Route struct {
	// Advertised is the address that the client is told, on which a proxy should listen.
	Advertised string
	// Broker is the address that leads on.
	Broker string
}

// NewCluster prepares a cluster: its ports are chosen, its disks formatted. Nothing runs yet.
func NewCluster(ctx context.Context, o ClusterOptions) (*Cluster, error) {
	j, classes, err := findKafka(ctx)
	if err != nil {
		return nil, err
	}
	c := &Cluster{java: j, classes: classes}
	perNode := 2 + 2*len(o.Clients)
	ports, err := StablePorts(ctx, Nodes*perNode)
	if err != nil {
		return nil, err
	}
	for i := range Nodes {
		name := "kafka-" + strconv.Itoa(i+1)
		n := &Node{
			cluster: c, ID: int32(i + 1), name: name, dir: filepath.Join(o.Dir, name),
			listeners: make(map[string]Route), users: make(map[string]string),
		}
		mine := ports[i*perNode : (i+1)*perNode]
		n.controller = loopback(mine[0])
		n.listeners[direct] = Route{Advertised: loopback(mine[1]), Broker: loopback(mine[1])}
		for k, client := range o.Clients {
			name := strings.ToUpper(client.Name)
			n.listeners[name] = Route{
				Advertised: loopback(mine[2+2*k]), Broker: loopback(mine[3+2*k]),
			}
			if client.User != "" {
				n.users[name] = client.User
			}
		}
		c.nodes = append(c.nodes, n)
	}
	if err := c.each(func(n *Node) error { return n.prepare(ctx) }); err != nil {
		return nil, err
	}
	return c, nil
}

// each does something with all nodes at the same time.
func (c *Cluster) each(do func(*Node) error) error {
	var all errgroup.Group
	for _, n := range c.nodes {
		all.Go(func() error { return do(n) })
	}
	return all.Wait() //nolint:wrapcheck // it names the node
}

// Start starts all nodes and returns when they have found each other. Each takes up to 320 MiB of
// heap, some 600 MB of memory in all.
func (c *Cluster) Start(ctx context.Context) error {
	err := c.each(func(n *Node) error { return n.Start(ctx) })
	if err != nil {
		c.Kill()
	}
	return err
}

// Kill ends all nodes as kill -9 does.
func (c *Cluster) Kill() {
	for _, n := range c.nodes {
		n.Kill()
	}
}

// Nodes returns the nodes, in the order of their IDs, which begin at 1.
func (c *Cluster) Nodes() []*Node { return c.nodes }

// Addresses is where clients connect that are sent through no proxy.
func (c *Cluster) Addresses() []string { return c.addresses(direct) }

// Advertised is what a client is told of the brokers: the addresses of its proxies.
func (c *Cluster) Advertised(client string) []string { return c.addresses(strings.ToUpper(client)) }

func (c *Cluster) addresses(listener string) []string {
	var addresses []string
	for _, n := range c.nodes {
		addresses = append(addresses, n.listeners[listener].Advertised)
	}
	return addresses
}

// prepare writes a node's configuration and formats its disk.
func (n *Node) prepare(ctx context.Context) error {
	if err := os.MkdirAll(n.dir, 0o750); err != nil {
		return fmt.Errorf("making the folder of %s: %w", n.name, err)
	}
	var text strings.Builder
	err := template.Must(template.New("").Parse(clusterProperties)).Execute(&text, n.properties())
	if err != nil {
		return fmt.Errorf("filling in cluster.properties: %w", err)
	}
	if err := os.WriteFile(n.configuration(), []byte(text.String()), 0o600); err != nil {
		return fmt.Errorf("writing the configuration of %s: %w", n.name, err)
	}
	out, err := exec.CommandContext(ctx, n.cluster.java.binary(), "-cp", n.cluster.classes,
		"kafka.tools.StorageTool", "format", "--ignore-formatted", "--cluster-id", clusterID,
		"--config", n.configuration()).CombinedOutput()
	if err != nil {
		return fmt.Errorf("formatting the disk of %s: %w\n%s", n.name, err, lastLines(string(out), 20))
	}
	return nil
}

func (n *Node) configuration() string { return filepath.Join(n.dir, "server.properties") }

// properties fill in cluster.properties.
func (n *Node) properties() map[string]any {
	var voters []string
	for _, other := range n.cluster.nodes {
		voters = append(voters, fmt.Sprintf("%d@%s", other.ID, other.controller))
	}
	listeners := []string{"CONTROLLER://" + n.controller}
	protocols := []string{"CONTROLLER:PLAINTEXT"}
	var advertised []string
	for name, route := range maps.All(n.listeners) {
		listeners = append(listeners, name+"://"+route.Broker)
		advertised = append(advertised, name+"://"+route.Advertised)
		protocol := ":PLAINTEXT"
		if n.users[name] != "" {
			protocol = ":SASL_PLAINTEXT"
		}
		protocols = append(protocols, name+protocol)
	}
	users := make(map[string]string) // Kafka wants a listener's name in small letters there
	for listener, user := range n.users {
		users[strings.ToLower(listener)] = user
	}
	return map[string]any{
		"ID": strconv.Itoa(int(n.ID)), "Voters": strings.Join(voters, ","),
		"Listeners": strings.Join(listeners, ","), "Advertised": strings.Join(advertised, ","),
		"Protocols": strings.Join(protocols, ","), "Data": filepath.Join(n.dir, "data"),
		"Users": users, "Password": Password,
	}
}
