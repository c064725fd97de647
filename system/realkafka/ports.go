//go:build system

package realkafka

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net"
	"strconv"
)

// Ports from leastStable to below firstEphemeral are free for servers: the systems that this runs
// on take those of outgoing connections from above.
const (
	leastStable    = 15_000
	firstEphemeral = 32_000
	portTries      = 1_000
)

// StablePorts returns n different ports of the loopback interface on which nobody listens, for
// servers that are restarted: while one is down, no outgoing connection can happen to take its port.
func StablePorts(ctx context.Context, n int) ([]int, error) {
	var ports []int
	var held []net.Listener // while the others are looked for, so that they differ
	defer func() {
		for _, listener := range held {
			listener.Close()
		}
	}()
	for range portTries {
		if len(ports) == n {
			return ports, nil
		}
		port := leastStable + rand.IntN(firstEphemeral-leastStable)
		listener, err := new(net.ListenConfig).Listen(ctx, "tcp", loopback(port))
		if err != nil {
			continue // taken
		}
		held, ports = append(held, listener), append(ports, port)
	}
	return nil, fmt.Errorf("no %d free ports from %d to %d", n, leastStable, firstEphemeral)
}

// loopback is the address of a port.
func loopback(port int) string { return "127.0.0.1:" + strconv.Itoa(port) }
