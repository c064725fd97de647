//go:build system

package realkafka

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

const (
	readyWithin  = 3 * time.Minute  // 4 s alone on two cores; OpenSearch takes a minute beside a running test
	stopWithin   = 20 * time.Second // then the process is killed
	pollInterval = 50 * time.Millisecond
	logTailLines = 30
)

// Command is what Start starts.
type Command struct {
	// Name of the log, and of the process in errors.
	Name string
	// Dir is where the log goes, and where the process runs. It must exist.
	Dir string
	// Args are the program and its arguments.
	Args []string
	// Env is the process's environment, as in exec.Cmd: nil means this process's own.
	Env []string
}

// Process is a child in a process group of its own.
type Process struct {
	name    string
	cmd     *exec.Cmd
	log     string        // file with all it printed
	exited  chan struct{} // closed when it has ended
	exitErr error         // valid after exited
}

// Start runs a command whose output goes to the end of NAME.log. The process should be stopped or
// killed; on Linux it dies with this process at the latest.
func Start(c Command) (*Process, error) {
	p := &Process{
		name:   c.Name,
		log:    filepath.Join(c.Dir, c.Name+".log"),
		exited: make(chan struct{}),
	}
	out, err := os.OpenFile(p.log, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return nil, fmt.Errorf("opening the log of %s: %w", c.Name, err)
	}
	defer out.Close()                              // the child has its own copy
	p.cmd = exec.Command(c.Args[0], c.Args[1:]...) //nolint:noctx // Stop lets it close its files
	p.cmd.Dir, p.cmd.Stdout, p.cmd.Stderr, p.cmd.Env = c.Dir, out, out, c.Env
	p.cmd.SysProcAttr = childAttributes()
	if err := p.cmd.Start(); err != nil {
		return nil, fmt.Errorf("starting %s: %w", c.Name, err)
	}
	go func() {
		p.exitErr = p.cmd.Wait()
		close(p.exited)
	}()
	return p, nil
}

// WaitReady asks until ready answers nil. It fails when the process ends before, or after 90 s.
func (p *Process) WaitReady(ctx context.Context, ready func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, readyWithin)
	defer cancel()
	ticker := time.NewTicker(pollInterval)
	defer ticker.Stop()
	for {
		err := ready(ctx)
		if err == nil {
			return nil
		}
		select {
		case <-p.exited:
			return fmt.Errorf("%s ended while starting: %w\n%s", p.name, p.exitErr, p.Tail())
		case <-ctx.Done():
			return fmt.Errorf("waiting for %s to be ready: %w\n%s", p.name,
				errors.Join(ctx.Err(), err), p.Tail())
		case <-ticker.C:
		}
	}
}

// Stop asks the process group to end and kills it if it doesn't. It may be called again.
func (p *Process) Stop() {
	p.Signal(syscall.SIGTERM)
	timer := time.NewTimer(stopWithin)
	defer timer.Stop()
	select {
	case <-p.exited:
	case <-timer.C:
		p.Kill()
	}
}

// Kill ends the process group at once, as kill -9 does. It may be called again.
func (p *Process) Kill() {
	p.Signal(syscall.SIGKILL)
	<-p.exited
}

// Wait waits for the process to end, and returns how, as exec.Cmd's Wait does.
func (p *Process) Wait() error {
	<-p.exited
	return p.exitErr
}

// Exited is closed when the process has ended, by whatever cause.
func (p *Process) Exited() <-chan struct{} { return p.exited }

// Signal goes to the whole process group, unless its leader has been waited for: its number may
// belong to a stranger then.
func (p *Process) Signal(s syscall.Signal) {
	select {
	case <-p.exited:
	default:
		_ = syscall.Kill(-p.cmd.Process.Pid, s) // fails only for a group that has just ended
	}
}

// Log is the file with everything that the process printed.
func (p *Process) Log() string { return p.log }

// Tail returns the end of what the process printed, to go into an error.
func (p *Process) Tail() string {
	content, err := os.ReadFile(p.log)
	if err != nil {
		return "its log can't be read: " + err.Error()
	}
	return fmt.Sprintf("the end of %s:\n%s", p.log, lastLines(string(content), logTailLines))
}

func lastLines(text string, n int) string {
	lines := strings.Split(strings.TrimRight(text, "\n"), "\n")
	return strings.Join(lines[max(0, len(lines)-n):], "\n")
}

// freePorts returns n different ports of the loopback interface on which nobody listens. Somebody
// may take one before it is used: the server then ends while starting, and its log says so.
func freePorts(ctx context.Context, n int) ([]int, error) {
	if n == 0 {
		return nil, nil
	}
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("looking for a free port: %w", err)
	}
	defer listener.Close() // held while the others are looked for, so that they differ
	others, err := freePorts(ctx, n-1)
	return append(others, listener.Addr().(*net.TCPAddr).Port), err
}
