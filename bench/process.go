package bench

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"syscall"
	"time"
)

// process is a worker in a process of its own, so that its CPU time is its alone.
type process struct {
	command *exec.Cmd
	ended   chan struct{}
	err     error
}

// workerStopTime is how long a worker may take to stop; see processor run.
const workerStopTime = 15 * time.Second

// start starts this program with arguments.
func (b *Bench) start(ctx context.Context, args []string) (*process, error) {
	program, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("find the program: %w", err)
	}
	if b.Profile != "" {
		args = append(args, "--cpuprofile", b.Profile)
	}
	w := &process{ended: make(chan struct{})}
	w.command = exec.CommandContext(ctx, program, args...)
	w.command.Cancel = func() error { return w.command.Process.Signal(syscall.SIGTERM) }
	w.command.WaitDelay = workerStopTime
	w.command.Stdout, w.command.Stderr = b.Logs, b.Logs
	if err := w.command.Start(); err != nil {
		return nil, fmt.Errorf("start the worker: %w", err)
	}
	go func() {
		defer close(w.ended)
		w.err = w.command.Wait()
	}()
	return w, nil
}

func (w *process) pid() int { return w.command.Process.Pid }

// Usage is what a process took.
type Usage struct {
	// CPU is the processor time, in user and kernel.
	CPU time.Duration
	// PeakBytes is the most memory that it held; 0 if the system does not say.
	PeakBytes int64
}

// stop ends the worker as an operator would, and returns what it took.
func (w *process) stop() (Usage, error) {
	select {
	case <-w.ended:
		return Usage{}, fmt.Errorf("the worker ended by itself: %w", w.err)
	default:
	}
	peak := peakMemory(w.pid())
	if err := w.command.Process.Signal(syscall.SIGTERM); err != nil {
		return Usage{}, fmt.Errorf("stop the worker: %w", err)
	}
	select {
	case <-w.ended:
	case <-time.After(workerStopTime):
		return Usage{}, fmt.Errorf("the worker did not stop within %v", workerStopTime)
	}
	if w.err != nil {
		return Usage{}, fmt.Errorf("the worker did not stop cleanly: %w", w.err)
	}
	state := w.command.ProcessState
	return Usage{state.UserTime() + state.SystemTime(), peak}, nil
}
