//go:build system

package postgrestest

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5"
)

const (
	// role may do everything, without a password.
	role = "refold"

	readyWithin = time.Minute
	stopWithin  = 20 * time.Second // then it is killed
	askEvery    = 20 * time.Millisecond
)

// Server is a PostgreSQL server on the loopback interface.
type Server struct {
	bin, folder string
	port        int
	settings    []string
	user        *syscall.Credential

	process *exec.Cmd
	exited  chan struct{} // closed when the process has ended
}

// Start makes a database cluster in a temporary folder and starts a server on it. Settings are like
// fsync=off. The server must be closed; on Linux it dies with this process at the latest. If this process is
// root's, the server runs as the user postgres or nobody, as it refuses to run as root.
func Start(ctx context.Context, settings ...string) (*Server, error) {
	s := &Server{settings: settings}
	var err error
	if s.bin, err = programs(); err != nil {
		return nil, err
	}
	if s.user, err = otherUser(); err != nil {
		return nil, err
	}
	if s.port, err = freePort(ctx); err != nil {
		return nil, err
	}
	if s.folder, err = os.MkdirTemp("", "refold-postgres-"); err != nil {
		return nil, fmt.Errorf("making a folder: %w", err)
	}
	if s.user != nil {
		err = os.Chown(s.folder, int(s.user.Uid), int(s.user.Gid))
	}
	if err == nil {
		err = s.run(ctx, "initdb", "--pgdata", s.data(), "--username", role, "--auth", "trust",
			"--encoding", "UTF8", "--locale", "C.UTF-8", "--no-sync")
	}
	if err == nil {
		err = s.Resume(ctx)
	}
	if err != nil {
		_ = os.RemoveAll(s.folder) // the error is the other one
		return nil, err
	}
	return s, nil
}

// programs returns the folder with the newest programs of PostgreSQL on this machine.
func programs() (string, error) {
	found, err := filepath.Glob("/usr/lib/postgresql/*/bin/postgres")
	if err != nil || len(found) == 0 {
		path, err := exec.LookPath("postgres")
		if err != nil {
			return "", fmt.Errorf("looking for PostgreSQL: %w; install the package postgresql", err)
		}
		found = []string{path}
	}
	version := func(path string) int {
		n, _ := strconv.Atoi(filepath.Base(filepath.Dir(filepath.Dir(path)))) // 0 if it is elsewhere
		return n
	}
	newest := slices.MaxFunc(found, func(a, b string) int { return version(a) - version(b) })
	return filepath.Dir(newest), nil
}

// otherUser returns a user without rights if this process is root's, nil otherwise.
func otherUser() (*syscall.Credential, error) {
	if os.Geteuid() != 0 {
		return nil, nil
	}
	var errs []error
	for _, name := range []string{"postgres", "nobody"} {
		u, err := user.Lookup(name)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		uid, err := strconv.ParseUint(u.Uid, 10, 32)
		if err != nil {
			return nil, fmt.Errorf("the user %s: %w", name, err)
		}
		gid, err := strconv.ParseUint(u.Gid, 10, 32)
		if err != nil {
			return nil, fmt.Errorf("the group of the user %s: %w", name, err)
		}
		return &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}, nil
	}
	return nil, fmt.Errorf("PostgreSQL does not run as root: %w", errors.Join(errs...))
}

// freePort returns a port on which nobody listens. Somebody may take it before it is used: the server then
// ends while starting.
func freePort(ctx context.Context) (int, error) {
	var config net.ListenConfig
	l, err := config.Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return 0, fmt.Errorf("looking for a free port: %w", err)
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port, nil
}

func (s *Server) data() string { return filepath.Join(s.folder, "data") }

// command returns one of PostgreSQL's programs, to be run as the server's user.
func (s *Server) command(ctx context.Context, program string, args ...string) *exec.Cmd {
	c := exec.CommandContext(ctx, filepath.Join(s.bin, program), args...)
	c.Dir, c.SysProcAttr = s.folder, attributes(s.user)
	c.Env = append(os.Environ(), "HOME="+s.folder, "LC_ALL=C.UTF-8")
	return c
}

func (s *Server) run(ctx context.Context, program string, args ...string) error {
	if output, err := s.command(ctx, program, args...).CombinedOutput(); err != nil {
		return fmt.Errorf("%s: %w\n%s", program, err, output)
	}
	return nil
}

// Resume starts the server again after Stop or Kill, and waits until it answers.
func (s *Server) Resume(ctx context.Context) error {
	args := []string{
		"-D", s.data(), "-k", s.folder, "-p", strconv.Itoa(s.port), "-c", "listen_addresses=127.0.0.1",
	}
	for _, setting := range s.settings {
		args = append(args, "-c", setting)
	}
	log, err := os.OpenFile(s.Log(), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return fmt.Errorf("opening the log of PostgreSQL: %w", err)
	}
	defer log.Close() // the child has its own copy
	process := s.command(context.WithoutCancel(ctx), "postgres", args...)
	process.Stdout, process.Stderr = log, log
	if err := process.Start(); err != nil {
		return fmt.Errorf("starting PostgreSQL: %w", err)
	}
	exited := make(chan struct{})
	s.process, s.exited = process, exited
	go func() {
		_ = process.Wait() // it was stopped, or its log says why
		close(exited)
	}()
	if err := s.waitReady(ctx); err != nil {
		s.Kill()
		text, _ := os.ReadFile(s.Log()) // it helps if it is there
		return fmt.Errorf("waiting for PostgreSQL: %w\n%s", err, text)
	}
	return nil
}

func (s *Server) waitReady(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, readyWithin)
	defer cancel()
	for {
		err := s.execute(ctx, "SELECT 1")
		if err == nil {
			return nil
		}
		select {
		case <-s.exited:
			return errors.New("it has ended")
		case <-ctx.Done():
			return err
		case <-time.After(askEvery):
		}
	}
}

// execute executes a statement in the database postgres.
func (s *Server) execute(ctx context.Context, statement string) error {
	connection, err := pgx.Connect(ctx, s.URL("postgres"))
	if err != nil {
		return err
	}
	defer connection.Close(ctx) //nolint:errcheck // the statement is what counts
	_, err = connection.Exec(ctx, statement)
	return err
}

// Log is the file with what the server prints.
func (s *Server) Log() string { return filepath.Join(s.folder, "postgres.log") }

func (s *Server) address() string { return net.JoinHostPort("127.0.0.1", strconv.Itoa(s.port)) }

// URL returns the URL of a database. The database postgres is always there.
func (s *Server) URL(database string) string {
	u := url.URL{
		Scheme: "postgres", User: url.User(role), Host: s.address(), Path: "/" + database,
		RawQuery: "sslmode=disable",
	}
	return u.String()
}

// Create makes an empty database, and returns its URL.
func (s *Server) Create(ctx context.Context, database string) (string, error) {
	if err := s.execute(ctx, "CREATE DATABASE "+pgx.Identifier{database}.Sanitize()); err != nil {
		return "", fmt.Errorf("making the database %s: %w", database, err)
	}
	return s.URL(database), nil
}

// Pid is the ID of the server's process, of which all others of it are children.
func (s *Server) Pid() int { return s.process.Process.Pid }

// Stop ends all connections, then the server, in order.
func (s *Server) Stop() { s.end(syscall.SIGINT) }

// Kill ends the server and all its processes at once: what it has not written is recovered when it is started
// again, as after a power failure.
func (s *Server) Kill() { s.end(syscall.SIGQUIT) }

// Pause holds all processes of the server still, until Continue: those that serve connections are children,
// in groups of their own.
func (s *Server) Pause() { s.signal(syscall.SIGSTOP) }

// Continue lets the server go on.
func (s *Server) Continue() { s.signal(syscall.SIGCONT) }

// signal sends a signal to the server and then to its children, so that none is made in between.
func (s *Server) signal(signal syscall.Signal) {
	select {
	case <-s.exited:
		return
	default:
	}
	_ = s.process.Process.Signal(signal) // fails only if it has just ended
	for _, child := range children(s.process.Process.Pid) {
		_ = syscall.Kill(child, signal) // likewise
	}
}

func (s *Server) end(signal syscall.Signal) {
	select {
	case <-s.exited:
		return
	default:
		_ = s.process.Process.Signal(signal) // fails only if it has just ended
	}
	timer := time.NewTimer(stopWithin)
	defer timer.Stop()
	select {
	case <-s.exited:
	case <-timer.C:
		_ = s.process.Process.Kill() // likewise; its children end by themselves
		<-s.exited
	}
}

// Close stops the server and removes its folder.
func (s *Server) Close() error {
	s.Stop()
	return os.RemoveAll(s.folder)
}
