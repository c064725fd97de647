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
	readyWithin  = 90 * time.Second // 4 s alone on two cores; much more beside a running test
	stopWithin   = 20 * time.Second // then the process is killed
	pollInterval = 50 * time.Millisecond
	logTailLines = 30
)

// process is a server that runs as a child in a process group of its own.
type process struct {
	name    string
	cmd     *exec.Cmd
	log     string        // file with all it printed
	exited  chan struct{} // closed when it has ended
	exitErr error         // valid after exited
}

// start runs a command whose output goes to NAME.log in dir.
func start(name, dir string, command ...string) (*process, error) {
	p := &process{
		name:   name,
		log:    filepath.Join(dir, name+".log"),
		exited: make(chan struct{}),
	}
	out, err := os.OpenFile(p.log, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return nil, fmt.Errorf("opening the log of %s: %w", name, err)
	}
	defer out.Close() // the child has its own copy
	// Not CommandContext: the process ends by stop, which lets it close its files.
	p.cmd = exec.Command(command[0], command[1:]...) //nolint:noctx // see above
	p.cmd.Dir, p.cmd.Stdout, p.cmd.Stderr = dir, out, out
	p.cmd.SysProcAttr = childAttributes()
	if err := p.cmd.Start(); err != nil {
		return nil, fmt.Errorf("starting %s: %w", name, err)
	}
	go func() {
		p.exitErr = p.cmd.Wait()
		close(p.exited)
	}()
	return p, nil
}

// waitReady asks until ready answers nil. It fails when the process ends before, or time is up.
func (p *process) waitReady(ctx context.Context, ready func(context.Context) error) error {
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
			return fmt.Errorf("%s ended while starting: %w\n%s", p.name, p.exitErr, p.tail())
		case <-ctx.Done():
			return fmt.Errorf("waiting for %s to be ready: %w\n%s", p.name,
				errors.Join(ctx.Err(), err), p.tail())
		case <-ticker.C:
		}
	}
}

// stop asks the process group to end and kills it if it doesn't. It may be called again.
func (p *process) stop() {
	p.signal(syscall.SIGTERM)
	timer := time.NewTimer(stopWithin)
	defer timer.Stop()
	select {
	case <-p.exited:
	case <-timer.C:
		p.kill()
	}
}

// kill ends the process group at once, as kill -9 does.
func (p *process) kill() {
	p.signal(syscall.SIGKILL)
	<-p.exited
}

// signal goes to the whole group, unless the leader has been waited for: its number may belong to
// a stranger then.
func (p *process) signal(s syscall.Signal) {
	select {
	case <-p.exited:
	default:
		_ = syscall.Kill(-p.cmd.Process.Pid, s) // fails only for a group that has just ended
	}
}

// tail returns the end of what the process printed, to go into an error.
func (p *process) tail() string {
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
