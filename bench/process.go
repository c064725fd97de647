package bench

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"syscall"
	"time"
)

// Process is a worker in a process of its own, so that its CPU time is its alone.
type Process struct {
	command *exec.Cmd
	ended   chan struct{}
	err     error
}

// stopTime is how long a process may take to stop. A worker takes 15 seconds at most, Kafka Streams 30.
const stopTime = 40 * time.Second

// ofJVM is the exit code of a JVM that has ended in order because of SIGTERM.
const ofJVM = 128 + int(syscall.SIGTERM)

// Itself returns the command line of this program with arguments.
func Itself(args ...string) ([]string, error) {
	program, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("find the program: %w", err)
	}
	return append([]string{program}, args...), nil
}

// Start starts a process. When ctx ends, it is stopped as by [Process.Stop].
func (b *Bench) Start(ctx context.Context, commandLine []string) (*Process, error) {
	if b.Profile != "" {
		commandLine = append(commandLine, "--cpuprofile", b.Profile)
	}
	p := &Process{ended: make(chan struct{})}
	p.command = exec.CommandContext(ctx, commandLine[0], commandLine[1:]...)
	p.command.Cancel = func() error { return p.command.Process.Signal(syscall.SIGTERM) }
	p.command.WaitDelay = stopTime
	p.command.Dir, p.command.Stdout, p.command.Stderr = b.directory, b.Logs, b.Logs
	if err := p.command.Start(); err != nil {
		return nil, fmt.Errorf("start %s: %w", commandLine[0], err)
	}
	go func() {
		defer close(p.ended)
		p.err = p.command.Wait()
	}()
	return p, nil
}

func (p *Process) pid() int { return p.command.Process.Pid }

// Ended is closed when the process has ended, by whatever cause.
func (p *Process) Ended() <-chan struct{} { return p.ended }

// Usage is what a process took.
type Usage struct {
	// CPU is the processor time, in user and kernel.
	CPU time.Duration
	// PeakBytes is the most memory that it held; 0 if the system does not say.
	PeakBytes int64
}

// Used returns what the process has taken so far; nothing if the system does not say.
func (p *Process) Used() Usage { return Usage{processorTime(p.pid()), peakMemory(p.pid())} }

// Kill ends the process at once, as kill -9 does.
func (p *Process) Kill() error {
	if err := p.command.Process.Kill(); err != nil {
		return fmt.Errorf("kill the worker: %w", err)
	}
	<-p.ended
	return nil
}

// Stop ends the worker as an operator would, and returns what it took.
func (p *Process) Stop() (Usage, error) {
	select {
	case <-p.ended:
		return Usage{}, fmt.Errorf("the worker ended by itself: %w", p.err)
	default:
	}
	peak := peakMemory(p.pid())
	if err := p.command.Process.Signal(syscall.SIGTERM); err != nil {
		return Usage{}, fmt.Errorf("stop the worker: %w", err)
	}
	select {
	case <-p.ended:
	case <-time.After(stopTime):
		return Usage{}, errors.Join(fmt.Errorf("the worker did not stop within %v", stopTime), p.Kill())
	}
	state := p.command.ProcessState
	if p.err != nil && state.ExitCode() != ofJVM {
		return Usage{}, fmt.Errorf("the worker did not stop cleanly: %w", p.err)
	}
	return Usage{state.UserTime() + state.SystemTime(), peak}, nil
}
