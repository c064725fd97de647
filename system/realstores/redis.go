//go:build system

package realstores

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"refold/system/realkafka"
)

// RedisOptions say how StartRedis starts it.
type RedisOptions struct {
	// Dir holds data and log. It must exist.
	Dir string
	// Persistent has each write on the disk before it is acknowledged. Otherwise a restart begins empty.
	Persistent bool
	// Logged has each write in a file before it is acknowledged, though not on the disk: nothing is lost when
	// the server is killed, and it costs no wait.
	Logged bool
	// Cluster makes it the only node of a Redis Cluster.
	Cluster bool
	// Args are further ones of the server's, such as --maxmemory-policy allkeys-lru.
	Args []string
}

// Redis is a Redis on this machine. It may be killed and started again, by one goroutine at a time.
type Redis struct {
	options RedisOptions
	port    int
	process *realkafka.Process
}

// redisServers are the programs that will do, the first one that there is.
var redisServers = []string{"valkey-server", "redis-server"}

// StartRedis starts a Redis, and returns when it answers.
func StartRedis(ctx context.Context, o RedisOptions) (*Redis, error) {
	ports, err := realkafka.StablePorts(ctx, 1)
	if err != nil {
		return nil, fmt.Errorf("a port for Redis: %w", err)
	}
	r := &Redis{options: o, port: ports[0]}
	err = r.Start(ctx)
	return r, err
}

// Address is host:port.
func (r *Redis) Address() string { return net.JoinHostPort("127.0.0.1", strconv.Itoa(r.port)) }

// Start starts it on the data that it had.
func (r *Redis) Start(ctx context.Context) error {
	server, err := redisServer()
	if err != nil {
		return err
	}
	args := []string{
		server, "--port", strconv.Itoa(r.port), "--bind", "127.0.0.1", "--dir", r.options.Dir, "--save", "",
	}
	if r.options.Persistent {
		args = append(args, "--appendonly", "yes", "--appendfsync", "always")
	}
	if r.options.Logged {
		args = append(args, "--appendonly", "yes", "--appendfsync", "no")
	}
	if r.options.Cluster {
		args = append(args, "--cluster-enabled", "yes")
	}
	r.process, err = realkafka.Start(realkafka.Command{
		Name: "redis", Dir: r.options.Dir, Args: append(args, r.options.Args...),
	})
	if err != nil {
		return fmt.Errorf("starting Redis: %w", err)
	}
	if err := r.process.WaitReady(ctx, r.ready); err != nil {
		r.Kill()
		return fmt.Errorf("starting Redis: %w", err)
	}
	return nil
}

func redisServer() (string, error) {
	for _, name := range redisServers {
		if path, err := exec.LookPath(name); err == nil {
			return path, nil
		}
	}
	return "", fmt.Errorf("%w: %s", realkafka.ErrMissing, strings.Join(redisServers, " or "))
}

// ready asks it to answer, and as a node of a cluster to serve all slots.
func (r *Redis) ready(ctx context.Context) error {
	if err := r.command(ctx, "PING", "+PONG"); err != nil || !r.options.Cluster {
		return err
	}
	// It has them already after the first time, and says so.
	_ = r.command(ctx, "CLUSTER ADDSLOTSRANGE 0 16383", "+OK")
	return r.command(ctx, "GET nothing", "$-1")
}

// command sends a command, and returns an error unless the answer begins with the wanted line.
func (r *Redis) command(ctx context.Context, command, want string) error {
	connection, err := new(net.Dialer).DialContext(ctx, "tcp", r.Address())
	if err != nil {
		return fmt.Errorf("connecting to Redis: %w", err)
	}
	defer func() { _ = connection.Close() }()
	err = connection.SetDeadline(time.Now().Add(5 * time.Second))
	if _, writing := fmt.Fprintf(connection, "%s\r\n", command); writing != nil || err != nil {
		return errors.Join(err, writing)
	}
	answer, err := bufio.NewReader(connection).ReadString('\n')
	if err == nil && strings.TrimSpace(answer) != want {
		err = fmt.Errorf("the answer to %s is %q; it must be %s", command, answer, want)
	}
	return err
}

// Pause holds it still until Continue.
func (r *Redis) Pause() { r.process.Signal(syscall.SIGSTOP) }

// Continue lets it go on.
func (r *Redis) Continue() { r.process.Signal(syscall.SIGCONT) }

// appendOnly is the folder of a persistent Redis with all its data.
func (r *Redis) appendOnly() string { return filepath.Join(r.options.Dir, "appendonlydir") }

func (r *Redis) backup() string { return filepath.Join(r.options.Dir, "backup") }

// Backup kills a persistent Redis, copies its data, in place of an earlier copy, and starts it again.
func (r *Redis) Backup(ctx context.Context) error {
	r.Kill()
	err := os.RemoveAll(r.backup())
	if err == nil {
		err = os.CopyFS(r.backup(), os.DirFS(r.appendOnly()))
	}
	if err != nil {
		return fmt.Errorf("copying the data of Redis: %w", err)
	}
	return r.Start(ctx)
}

// FailOver kills Redis, and starts it with what the backup has. What was written since is lost, and the
// backup is used up.
func (r *Redis) FailOver(ctx context.Context) error {
	r.Kill()
	err := os.RemoveAll(r.appendOnly())
	if err == nil {
		err = os.Rename(r.backup(), r.appendOnly())
	}
	if err != nil {
		return fmt.Errorf("restoring the data of Redis: %w", err)
	}
	return r.Start(ctx)
}

// Kill ends it as kill -9 does.
func (r *Redis) Kill() {
	if r.process != nil {
		r.process.Kill()
	}
}
