//go:build system

package system_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"refold/audit"
	"refold/client"
)

// boxes is an installation of the program in testdata/generations, with two pods.
type boxes struct {
	*installation
	a, b *worker
}

// The levels of subjects: of the second release, and of the third when it writes its own versions.
const (
	levels2 = "boxes.Added=BACKWARD_TRANSITIVE,boxes.Put=BACKWARD_TRANSITIVE"
	levels3 = levels2 + ",boxes.Opened=NONE,boxes.Open=NONE,boxes.BoxRow=NONE"
)

// newBoxes builds the program.
func newBoxes(t *testing.T) *boxes {
	t.Helper()
	i := install(t, startCluster(t, 2), "generations.")
	i.forgetBoxes()
	i.program = buildBoxes(t)
	s := &boxes{installation: i}
	s.a, s.b = i.worker("a"), i.worker("b")
	return s
}

// buildBoxes returns the path of the program, which is removed with the test's folder.
func buildBoxes(t *testing.T) string {
	t.Helper()
	program := filepath.Join(t.TempDir(), "boxes")
	build := exec.CommandContext(t.Context(), "go", "build", "-o", program, "./testdata/generations")
	if printed, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, printed)
	}
	return program
}

// release is the installation as a release of the program has it.
func (s *boxes) release(generation, levels string, env ...string) *installation {
	i := *s.installation
	i.env = append(slices.Clone(i.env), append(env, "GENERATION="+generation,
		"REFOLD_REGISTRY_COMPATIBILITY_OVERRIDES="+levels)...)
	return &i
}

// deploy replaces both pods at the same time.
func (s *boxes) deploy(i *installation) {
	s.t.Helper()
	for _, w := range []*worker{s.a, s.b} {
		if w.process != nil {
			w.stop()
		}
		w.installation = i
	}
	s.a.start()
	s.b.start()
	s.a.isReady()
	s.b.isReady()
}

// load sends the sample commands of a release to both pods, or by topic, until it is done.
func (s *boxes) load(i *installation, name string, args ...string) {
	s.t.Helper()
	i.run(0, append([]string{
		"load", "--server", s.a.url + "," + s.b.url, "--keys", "30", "--name", name, "--patience", "1m",
	}, args...)...)
}

// rebuilt rebuilds the table and verifies it.
func (s *boxes) rebuilt(i *installation) {
	s.t.Helper()
	contains(s.t, i.run(0, "rebuild", "boxes", "--by", "the test"), "is done")
	s.verified(i)
}

func (s *boxes) verified(i *installation) {
	s.t.Helper()
	contains(s.t, i.run(0, "verify", "boxes", "--worker", s.a.url, "--worker", s.b.url), "all equal")
}

// audited waits until all work is done, and expects that no promise was broken.
func (s *boxes) audited(kind audit.Kind) *audit.World {
	s.t.Helper()
	source := audit.Source{
		Brokers: s.cluster.brokers(), RegistryURL: s.cluster.registry.URL(), RingSize: recentCommands,
		Prefix: s.prefix,
	}
	var world *audit.World
	eventually(s.t, 30*time.Second, func(ctx context.Context) (err error) {
		if world, err = audit.Read(ctx, source, kind); err != nil {
			return err
		}
		if breaches := world.Check(); len(breaches) > 0 {
			return fmt.Errorf("%d breaches:\n%s", len(breaches), audit.Report(breaches))
		}
		return nil
	})
	s.t.Logf("%d commands, %d events, %d rows, %d dead letters", len(world.Commands), len(world.Events),
		len(world.Rows), len(world.DeadLetters))
	if len(world.DeadLetters) > 0 {
		s.t.Errorf("%d dead letters", len(world.DeadLetters))
	}
	return world
}

// box2 are the rows of the second release, box3 those of the third. Events are as they were stored, of any
// release.
var (
	box2 = audit.Kind{
		Name: "box", Plural: "boxes", Fold: foldBox(false),
		Initial: map[string]any{"owner": "", "balance": int64(0), "memos": int64(0)},
	}
	box3 = audit.Kind{
		Name: "box", Plural: "boxes", Fold: foldBox(true),
		Initial: map[string]any{
			"owner": map[string]any{"name": "", "country": ""}, "balance": int64(0), "memos": int64(0),
			"fees": int64(0), "locked": false,
		},
	}
)

func foldBox(third bool) func(map[string]any, audit.Event) (map[string]any, error) {
	plus := func(box map[string]any, field string, n int64) {
		sum, _ := box[field].(int64)
		box[field] = sum + n
	}
	charge := func(box map[string]any, fee int64) {
		plus(box, "balance", -fee)
		if third {
			plus(box, "fees", fee)
		}
	}
	return func(box map[string]any, e audit.Event) (map[string]any, error) {
		switch e.Type {
		case "Opened":
			box["owner"] = e.Fields["owner"]
			if name, isText := box["owner"].(string); isText && third {
				box["owner"] = map[string]any{"name": name, "country": ""}
			}
		case "Added":
			plus(box, "balance", e.Int("amount"))
			if e.Fields["note"] != "" && e.Fields["memo"] != "" { // it has one of them
				plus(box, "memos", 1)
			}
		case "Moved":
			plus(box, "balance", -e.Int("amount"))
			charge(box, e.Int("fee"))
		case "Taken":
			plus(box, "balance", -e.Int("amount"))
		case "Charged":
			charge(box, e.Int("fee"))
		case "Shaken":
		case "Locked":
			box["locked"] = true
		default:
			return nil, fmt.Errorf("there is no event %q", e.Type)
		}
		return box, nil
	}
}

// G9: three releases write to the same topics. Each reads what the earlier ones have written, and the second
// and the third take turns under load. The third is not allowed to write what the second could not read until
// the second is gone. No wrong change of the second gets as far as that.
func TestGenerations(t *testing.T) {
	s := newBoxes(t)
	one, two, three := s.release("one", ""), s.release("two", levels2), s.release("three", levels2)
	one.run(0, "topics", "apply")
	one.run(0, "schemas", "register", "--set-compatibility")
	s.deploy(one)
	s.load(one, "one", "--commands", "600")

	contains(t, two.run(0, "schemas", "check", "--allow-missing"), "are compatible")
	two.run(0, "schemas", "register", "--set-compatibility")
	s.deploy(two)
	s.load(two, "two", "--commands", "600")
	s.rebuilt(two)
	s.audited(box2)

	t.Run("wrong", func(t *testing.T) { s.wrongChanges(t) })
	s.rolls(two, three)

	latest := s.release("three", levels3, "REFOLD_AGGREGATES_BOX_WRITE=latest")
	latest.run(0, "schemas", "register", "--set-compatibility")
	s.deploy(latest)
	s.load(latest, "latest", "--commands", "600")
	s.send(s.a, "swiss", `{"type": "Open", "data": {"owner": {"name": "eve", "country": "CH"}}}`, "accepted")
	s.send(s.b, "swiss", `{"type": "Lock", "data": {}}`, "accepted")
	s.send(s.a, "plain", `{"type": "Put", "data": {"amount": 7, "memo": ""}}`, "accepted")
	s.rebuilt(latest)
	s.audited(box3)
	s.pastIsRead()
	s.a.stop()
	s.b.stop()
}

// send sends a command and expects that the answer says a text.
func (s *boxes) send(to *worker, box, command, says string) {
	s.t.Helper()
	eventually(s.t, 30*time.Second, func(ctx context.Context) error {
		got := to.ask(ctx, http.MethodPost, "/boxes/"+box+"/commands", command, "Prefer: wait=20")
		if got.status >= http.StatusInternalServerError || got.status == 0 {
			return errors.New(got.String())
		}
		if !strings.Contains(got.body, says) {
			s.t.Fatalf("%s to %s: want %q, got %v", command, box, says, got)
		}
		return nil
	})
}

// rolls upgrades one pod after the other, and goes back, while clients of both releases send.
func (s *boxes) rolls(two, three *installation) {
	s.t.Helper()
	contains(s.t, three.run(0, "schemas", "check"), "are compatible",
		"boxes.Opened: a former version is written until aggregates.box.write is latest",
		"boxes.Locked: is not written until")
	three.run(0, "schemas", "register", "--set-compatibility")
	var clients errgroup.Group
	ctx, stop := context.WithCancel(s.t.Context())
	defer stop()
	clients.Go(func() error { return s.sends(ctx, two, "older", "--via", "http") })
	clients.Go(func() error { return s.sends(ctx, three, "newer", "--via", "topic") })
	const plain = `{"type": "Open", "data": {"owner": "dan"}}` // any pod takes it
	for _, step := range []struct {
		pod *worker
		to  *installation
	}{{s.a, three}, {s.b, three}, {s.a, two}, {s.b, two}, {s.a, three}} {
		s.roll(step.pod, step.to)
		s.send(step.pod, "plain", plain, "accepted")
		if step.pod == s.b && step.to == three { // no pod is left that has never heard of it
			for _, command := range []string{
				`{"type": "Open", "data": {"owner": {"name": "eve", "country": "CH"}}}`,
				`{"type": "Lock", "data": {}}`,
			} {
				s.send(s.a, "swiss", command, "not-yet-writable")
				s.send(s.b, "swiss", command, "not-yet-writable")
			}
		}
	}
	stop()
	if err := clients.Wait(); err != nil {
		s.t.Fatal(err)
	}
	s.a.rollsTo(two)
	s.verified(two)
	s.audited(box2)
}

// roll replaces the program of a pod.
func (s *boxes) roll(pod *worker, to *installation) {
	s.t.Helper()
	pod.stop()
	pod.installation = to
	pod.start()
	pod.isReady()
}

// sends sends the sample commands of a release until ctx ends.
func (s *boxes) sends(ctx context.Context, i *installation, name string, args ...string) error {
	cmd := exec.CommandContext(ctx, i.program, append([]string{
		"load", "--server", s.a.url + "," + s.b.url, "--keys", "30", "--name", name, "--rate", "100",
	}, args...)...)
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGINT) }
	cmd.WaitDelay = time.Minute
	cmd.Env = i.env
	var printed bytes.Buffer
	cmd.Stdout, cmd.Stderr = &printed, &printed
	if err := cmd.Run(); err != nil && ctx.Err() == nil || cmd.ProcessState.ExitCode() != 0 {
		return fmt.Errorf("load of %s: %w\n%s", name, err, printed.String())
	}
	return nil
}

// pastIsRead asks for what the first release has written, and for what is made of it today.
func (s *boxes) pastIsRead() {
	s.t.Helper()
	const box = "one-box-1"
	s.a.expect(http.StatusOK, []string{`"owner":{"name":"ann","country":""}`}, http.MethodGet,
		"/boxes/"+box+"?sequence=1", "")
	c, err := client.New([]string{s.a.url}, client.Options{})
	if err != nil {
		s.t.Fatal(err)
	}
	defer c.Close()
	seen := map[string]bool{}
	for e, err := range c.History(s.t.Context(), "boxes", box, client.Events{}) {
		if err != nil {
			s.t.Fatal(err)
		}
		seen[fmt.Sprintf("%s of %d", e.Type, len(e.ReadAs))] = true
		if e.Type == "Opened" && string(e.Data) != `{"owner":"ann"}` {
			s.t.Errorf("the event is shown as %s, which is not how it was written", e.Data)
		}
	}
	if !seen["Opened of 1"] || !seen["Moved of 2"] || !seen["Added of 0"] {
		s.t.Errorf("the history of the first release shows %v", seen)
	}
}
