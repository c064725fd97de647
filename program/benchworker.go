package program

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"runtime/pprof"
	"syscall"
	"time"
)

// benchWorker is a worker in a process of its own, so that its CPU time is its alone.
type benchWorker struct {
	command *exec.Cmd
	ended   chan struct{}
	err     error
}

// workerStopTime is how long a worker may take to stop; see processor run.
const workerStopTime = 15 * time.Second

func (r *benchRun) startWorker(ctx context.Context) (*benchWorker, error) {
	return r.start(ctx, r.subject.worker(r))
}

// start starts this program with arguments.
func (r *benchRun) start(ctx context.Context, args []string) (*benchWorker, error) {
	program, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("find the program: %w", err)
	}
	if r.profile != "" {
		args = append(args, "--cpuprofile", r.profile)
	}
	w := &benchWorker{ended: make(chan struct{})}
	w.command = exec.CommandContext(ctx, program, args...)
	w.command.Cancel = func() error { return w.command.Process.Signal(syscall.SIGTERM) }
	w.command.WaitDelay = workerStopTime
	w.command.Stdout, w.command.Stderr = r.logs, r.logs
	if err := w.command.Start(); err != nil {
		return nil, fmt.Errorf("start the worker: %w", err)
	}
	go func() {
		defer close(w.ended)
		w.err = w.command.Wait()
	}()
	return w, nil
}

func (w *benchWorker) pid() int { return w.command.Process.Pid }

// benchUsage is what a worker took.
type benchUsage struct {
	cpu  time.Duration // in user and kernel
	peak int64         // bytes of memory; 0 if nobody knows
}

// stop ends the worker as an operator would, and returns what it took.
func (w *benchWorker) stop() (benchUsage, error) {
	select {
	case <-w.ended:
		return benchUsage{}, fmt.Errorf("the worker ended by itself: %w", w.err)
	default:
	}
	peak := peakMemory(w.pid())
	if err := w.command.Process.Signal(syscall.SIGTERM); err != nil {
		return benchUsage{}, fmt.Errorf("stop the worker: %w", err)
	}
	select {
	case <-w.ended:
	case <-time.After(workerStopTime):
		return benchUsage{}, fmt.Errorf("the worker did not stop within %v", workerStopTime)
	}
	if w.err != nil {
		return benchUsage{}, fmt.Errorf("the worker did not stop cleanly: %w", w.err)
	}
	state := w.command.ProcessState
	return benchUsage{state.UserTime() + state.SystemTime(), peak}, nil
}

// startProfile writes a CPU profile until the returned function is called. No name: no profile.
func startProfile(name string) (stop func(), err error) {
	if name == "" {
		return func() {}, nil
	}
	file, err := os.Create(name)
	if err != nil {
		return nil, fmt.Errorf("--cpuprofile: %w", err)
	}
	if err := pprof.StartCPUProfile(file); err != nil {
		return nil, fmt.Errorf("--cpuprofile: %w", err)
	}
	return func() {
		pprof.StopCPUProfile()
		_ = file.Close() // a profile that can't be read tells of it itself
	}, nil
}
