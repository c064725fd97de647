//go:build system

package realkafka

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"syscall"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// Node is one of a Cluster's. It may be killed, stopped, held still and started again on its disk,
// by one goroutine at a time.
type Node struct {
	// ID is the broker's and the controller's.
	ID int32

	cluster    *Cluster
	name, dir  string
	controller string            // address of the controllers' listener
	listeners  map[string]Route  // by name
	users      map[string]string // by listener, where clients have to authenticate
	process    *Process          // the latest one; nil before the first
}

// Start starts the node on what is on its disk, and returns when its broker is a member of the
// cluster. The other nodes, or enough of them, must run or be started at the same time.
func (n *Node) Start(ctx context.Context) error {
	p, err := Start(Command{Name: n.name, Dir: n.dir, Args: []string{
		n.cluster.java.binary(), "-Xms128m", "-Xmx320m",
		// What is restarted every minute on a small machine lives by starting fast.
		"-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1",
		"-Dorg.slf4j.simpleLogger.defaultLogLevel=warn",
		"-Dorg.slf4j.simpleLogger.showDateTime=true",
		"-Dorg.slf4j.simpleLogger.dateTimeFormat=HH:mm:ss.SSS",
		"-cp", n.cluster.classes, "kafka.Kafka", n.configuration(),
	}})
	if err != nil {
		return err
	}
	n.process = p
	if err := p.WaitReady(ctx, n.isMember); err != nil {
		p.Kill()
		return err
	}
	return nil
}

// isMember asks the node itself whether it is unfenced: only then it names itself.
func (n *Node) isMember(ctx context.Context) error {
	client, err := kgo.NewClient(kgo.SeedBrokers(n.listeners[direct].Broker), kgo.RequestRetries(0))
	if err != nil {
		return fmt.Errorf("making a client: %w", err)
	}
	defer client.Close()
	metadata, err := kmsg.NewPtrMetadataRequest().RequestWith(ctx, client)
	if err != nil {
		return fmt.Errorf("asking for metadata: %w", err)
	}
	for _, broker := range metadata.Brokers {
		if broker.NodeID == n.ID {
			return nil
		}
	}
	return errors.New("it is no member of the cluster yet")
}

// Route leads a client of the cluster's options to this broker.
func (n *Node) Route(client string) Route { return n.listeners[strings.ToUpper(client)] }

// Kill ends the node as kill -9 does, and returns when it has ended.
func (n *Node) Kill() {
	if n.process != nil {
		n.process.Kill()
	}
}

// Stop ends the node cleanly: it hands over what it leads. It is killed if that takes too long.
func (n *Node) Stop() {
	if n.process != nil {
		n.process.Stop()
	}
}

// Pause holds the node still (SIGSTOP): it is there, and doesn't answer. Resume lets it go on.
func (n *Node) Pause() { n.signal(syscall.SIGSTOP) }

// Resume lets a node that was held still go on, knowing nothing of the time between.
func (n *Node) Resume() { n.signal(syscall.SIGCONT) }

func (n *Node) signal(s syscall.Signal) {
	if n.process != nil {
		n.process.Signal(s)
	}
}

// Check returns an error that shows the end of its log if the node has ended by itself.
func (n *Node) Check() error {
	if n.process == nil {
		return fmt.Errorf("%s has not been started", n.name)
	}
	select {
	case <-n.process.Exited():
		return fmt.Errorf("%s has ended: %w\n%s", n.name, n.process.Wait(), n.process.Tail())
	default:
		return nil
	}
}
