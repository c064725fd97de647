package simulate_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"math/rand/v2"
	"os"
	"path"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/IBM/sarama"
	"github.com/cockroachdb/pebble/v2/vfs"

	"refold/exactlyonce"
	"refold/kafka"
	"refold/snapshots"
)

const (
	sessionTimeout     = 6 * time.Second
	transactionTimeout = 15 * time.Second
	requestTimeout     = 8 * time.Second
)

// process is one life of a worker.
type process struct {
	of    *worker
	life  int
	files *vfs.MemFS
	dir   string
	wire  *wire           // of the engine
	aside *wire           // of the read side, whose requests the schedule does not count
	ctx   context.Context //nolint:containedctx // ends when the process is stopped, or dies
	stop  context.CancelFunc
	dead  chan struct{}       // closed when it crashes
	pod   atomic.Pointer[pod] // while it can be reached
	ended chan struct{}       // closed when it has let go of its files

	once, death sync.Once
	left        chan departure // how it leaves, told once

	handled atomic.Int64 // records that callbacks have begun with

	mu       sync.Mutex
	deaf     time.Time            // until when its heartbeats are held back
	frozen   time.Time            // until when all requests of its engine are
	slow     time.Time            // until when the next callback takes
	lease    time.Time            // until when its group counts it as a member
	astray   map[string]time.Time // until when the address of another pod leads nowhere
	sessions int
}

// departure is how a process leaves, and with what the next one begins.
type departure struct {
	after time.Duration
	files *vfs.MemFS // nil: those of the process, once it has ended
	err   error      // it ended by itself
}

// worker is a number of processes, one after the other.
type worker struct {
	*simulation
	index   int
	plan    plan
	damaged bool // since a file was damaged
	files   *vfs.MemFS
	dir     string
	old     *vfs.MemFS // when the present life began
}

// keep lets one process follow the other, as an orchestrator does, until the simulation ends.
func (w *worker) keep() {
	if !w.pause(w.plan.after) {
		return
	}
	for life := 0; w.mayStart(); life++ {
		p := w.start(life)
		var d departure
		select {
		case d = <-p.left:
		case <-w.ending:
			p.stop()
			<-p.ended
			return
		}
		switch {
		case d.files != nil: // a crash: the dead process's goroutines run out on their own
			w.files, w.dir = d.files, w.directory(life+1)
			err := w.files.Rename(p.dir, w.dir)
			if err != nil && !errors.Is(err, fs.ErrNotExist) {
				w.breach("rename: %v", err)
			}
		default:
			<-p.ended
		}
		if d.err != nil && !w.unfit(d.err) && (!w.damaged || !errors.Is(d.err, snapshots.ErrDamaged)) {
			w.breach("worker %d ended: %v", w.index, d.err)
		}
		if !w.pause(d.after) {
			return
		}
	}
}

// pause waits, and reports whether the simulation goes on.
func (w *worker) pause(d time.Duration) bool {
	select {
	case <-time.After(d):
		return true
	case <-w.ending:
		return false
	}
}

func (w *worker) directory(life int) string {
	return fmt.Sprintf("/simulation-%d/worker-%d-%d", w.number, w.index, life)
}

func (w *worker) start(life int) *process {
	ctx, stop := context.WithCancel(context.Background())
	p := &process{
		of: w, life: life, files: w.files, dir: w.dir, ctx: ctx, stop: stop, dead: make(chan struct{}),
		ended: make(chan struct{}), left: make(chan departure, 1), astray: make(map[string]time.Time),
	}
	w.old = w.files.CrashClone(vfs.CrashCloneCfg{})
	p.wire, p.aside = w.newWire(p.fate), w.newWire(p.fateAside)
	p.aside.refuses = time.Millisecond
	w.mu.Lock()
	w.alive[w.index] = p
	w.mu.Unlock()
	w.processes.Go(func() {
		defer close(p.ended)
		defer stop()
		err := p.run(ctx)
		if ctx.Err() != nil {
			err = nil // what it says while it is being stopped, or is dead, is of no interest
		} else if err == nil {
			err = errors.New("nobody asked it to")
		}
		p.leave(departure{after: time.Second, err: err})
	})
	return p
}

func (s *simulation) newWire(of func(key int16) fate) *wire {
	return &wire{
		dial: s.network.DialContext, work: &s.processes, fate: of, conns: make(map[*conn]struct{}),
	}
}

func (p *process) leave(d departure) { p.once.Do(func() { p.left <- d }) }

// run is what a program's main does.
func (p *process) run(ctx context.Context) (err error) {
	settings := p.of.settings(fmt.Sprint("worker-", p.of.index))
	settings.Dial = p.wire.Dial
	logger := p.of.logger.With("worker", p.of.index, "life", p.life)
	stores, err := snapshots.OpenOn(p.files, snapshots.Options{
		Name: "tables", Dir: path.Join(p.dir, "tables"), Kafka: settings,
		CacheBytes: 1 << 20, RowCacheBytes: 1 << 20,
		MaxOpenFiles: 640, MemTableBytes: 256 << 10, FlushInterval: flushInterval, Logger: logger,
	})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, stores.Close()) }()
	config := p.config(settings, stores, logger)
	if p.of.hasRemake() {
		client, err := settings.Client()
		if err != nil {
			return err
		}
		defer client.Close()
		config.Fit, config.MakeNoTopics = p.fit(client), true
	}
	pod, err := p.newPod(stores)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, pod.close()) }()
	pod.attend(&config)
	defer p.serve(ctx, pod)()
	worker, err := exactlyonce.New(config, graph(p.callback, p.of.seed%2 == 0))
	if err != nil {
		p.of.logger.Error("could not begin", "error", err)
		p.leave(departure{after: time.Second}) // a broker did not answer: try again
		return nil
	}
	err = worker.Run(ctx)
	if err != nil && strings.Contains(err.Error(), sarama.ErrOutOfBrokers.Error()) {
		p.leave(departure{after: time.Second}) // the same, a moment later; Goka does not wrap it
		return nil
	}
	return err
}

// config is how the engine of a process runs, but for the read side.
func (p *process) config(
	settings kafka.Settings, stores *snapshots.Stores, logger *slog.Logger,
) exactlyonce.Config {
	id := fmt.Sprint("worker-", p.of.index)
	if p.of.plan.ownID {
		id = fmt.Sprint(id, "-", p.life)
	}
	return exactlyonce.Config{
		Kafka: settings, TransactionalID: id, BatchRecords: p.of.plan.records,
		FetchMaxWait: 2 * time.Second, BackoffMax: time.Second, Logger: logger,
		Background: p.background, BetweenTimeout: betweenTimeout,
		Tables: exactlyonce.Tables{
			Staged: func(ctx context.Context, topic string, n int32) (exactlyonce.StagedTable, error) {
				return stores.Staged(ctx, topic, n)
			},
		},
	}
}

// serve lets a pod be reached, and tell others what it owns, until the function that it returns is called.
func (p *process) serve(ctx context.Context, of *pod) (end func()) {
	ctx, cancel := context.WithCancel(ctx)
	var told sync.WaitGroup
	told.Go(func() { of.directory.Run(ctx) })
	p.pod.Store(of)
	return func() {
		p.pod.Store(nil)
		cancel()
		told.Wait()
	}
}

// flushInterval makes something durable between most crashes.
const flushInterval = 3 * time.Second

func (s *simulation) settings(client string) kafka.Settings {
	return kafka.Settings{
		Brokers: s.cluster.ListenAddrs(), ClientID: client,
		HeartbeatInterval: sessionTimeout / 4, SessionTimeout: sessionTimeout,
		RebalanceTimeout: 10 * time.Second, TransactionTimeout: transactionTimeout,
		RequestTimeout: requestTimeout, DialTimeout: 5 * time.Second,
	}
}

// crash ends a process from one moment to the next: nothing that it does from now on reaches anybody.
func (p *process) crash(f fault) { p.death.Do(func() { p.dies(f) }) }

func (p *process) dies(f fault) {
	close(p.dead)
	p.wire.kill()
	p.aside.kill()
	w := p.of
	left := p.files.CrashClone(vfs.CrashCloneCfg{})
	r := rand.New(rand.NewPCG(w.seed, uint64(f.nth)))
	switch f.disk {
	case diskMore, diskDamaged:
		left = p.files.CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: 50, RNG: r})
	case diskOld:
		left = w.old
	case diskEmpty:
		left = vfs.NewCrashableMem()
	case diskSynced, diskOutcomes:
	}
	if f.disk == diskDamaged {
		w.damaged = true
		damage(left, p.dir, r)
	}
	p.leave(departure{after: f.lasts, files: left})
	p.stop()
}

// damage changes bytes of some file of a store.
func damage(files *vfs.MemFS, dir string, r *rand.Rand) {
	var all []string
	var walk func(string)
	walk = func(dir string) {
		names, err := files.List(dir)
		if err != nil {
			return
		}
		for _, name := range names {
			name = path.Join(dir, name)
			if info, err := files.Stat(name); err == nil && info.IsDir() {
				walk(name)
			} else if err == nil && info.Size() > 0 && !strings.HasSuffix(name, "LOCK") {
				all = append(all, name)
			}
		}
	}
	walk(dir)
	if len(all) == 0 {
		return
	}
	content, err := files.UnsafeGetFileDataBuffer(all[r.IntN(len(all))])
	if err != nil || len(content) == 0 {
		return
	}
	for range 1 + r.IntN(20) {
		content[r.IntN(len(content))] ^= 0x5a
	}
}

// newLogger shows what workers say when REFOLD_TEST_LOG is set.
func newLogger() *slog.Logger {
	if os.Getenv("REFOLD_TEST_LOG") == "" {
		return slog.New(slog.DiscardHandler)
	}
	return slog.New(slog.NewTextHandler(os.Stderr, nil))
}
