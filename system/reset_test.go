//go:build system

package system_test

import (
	"bufio"
	"context"
	"errors"
	"net/http"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
)

// G1, G4, G7: the table and the group's offsets are lost. A reset makes both again from events and results,
// though it is killed in the middle; it refuses while a worker runs, and no worker handles anything while it
// is half done. Afterwards commands that were sent twice are known, and none is handled again.
func TestOfflineReset(t *testing.T) {
	const accounts, commands, more = 5_000, 60_000, 5_000
	i := install(t, startCluster(t, 2), "reset.")
	i.run(0, "topics", "apply")
	i.run(0, "schemas", "register")
	a := i.worker("a")
	a.start()
	a.isReady()
	if err := i.send(commands, accounts, 20_000).Wait(); err != nil {
		t.Fatal(err)
	}
	eventually(t, 2*time.Minute, i.handled(commands))
	reset := []string{"reset", "accounts", "--to-zero", "--yes"}
	contains(t, i.run(2, reset...), "reset.a")

	a.stop()
	i.loseTable()
	contains(t, i.run(2, "topics", "apply"), "accounts-table is lost")
	i.run(0, "topics", "adopt", "accounts-table", "--note", "lost by a test")
	i.run(0, "topics", "apply")
	i.killedAfter("partition 0: ", reset...)
	a.start()
	eventually(t, time.Minute, func(ctx context.Context) error {
		if got := a.ask(ctx, http.MethodGet, "/readyz", ""); !strings.Contains(got.body, "is being reset") {
			return errors.New(got.String())
		}
		return nil
	})
	a.stop()
	contains(t, i.run(0, reset...), "accounts-table is made, verified")

	a.start()
	a.isReady()
	if err := i.sendMore(accountsSeed+1, more, accounts, 20_000).Wait(); err != nil {
		t.Fatal(err)
	}
	eventually(t, time.Minute, i.handled(commands+more))
	world := i.audit(commands + more)
	a.serves(world)
	contains(t, i.run(0, "verify", "accounts", "--worker", a.url), "all equal")
	a.stop()
}

// loseTable deletes the table's topic and the group's offsets.
func (i *installation) loseTable() {
	i.t.Helper()
	client, err := kgo.NewClient(kgo.SeedBrokers(i.cluster.brokers()...))
	if err != nil {
		i.t.Fatal(err)
	}
	defer client.Close()
	admin := kadm.NewClient(client)
	topic := i.prefix + "accounts-table"
	if _, err := admin.DeleteTopic(i.t.Context(), topic); err != nil {
		i.t.Fatal(err)
	}
	eventually(i.t, time.Minute, func(ctx context.Context) error {
		topics, err := admin.ListTopics(ctx)
		if err == nil && topics.Has(topic) {
			err = errors.New("the topic is still there")
		}
		return err
	})
	eventually(i.t, time.Minute, func(ctx context.Context) error {
		_, err := admin.DeleteGroup(ctx, i.prefix+"accounts")
		if errors.Is(err, kerr.GroupIDNotFound) {
			return nil
		}
		return err
	})
}

// killedAfter runs a command of the program, and kills it when it has printed a line that begins so.
func (i *installation) killedAfter(prefix string, args ...string) {
	i.t.Helper()
	cmd := exec.CommandContext(i.t.Context(), i.program, args...)
	cmd.Env = i.env
	out, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		i.t.Fatal(err)
	}
	defer cmd.Wait() //nolint:errcheck // it was killed
	var printed strings.Builder
	for lines := bufio.NewScanner(out); lines.Scan(); {
		printed.WriteString(lines.Text() + "\n")
		if strings.HasPrefix(lines.Text(), prefix) {
			if err := cmd.Process.Kill(); err != nil {
				i.t.Fatal(err)
			}
			return
		}
	}
	i.t.Fatalf("it ended without saying %q:\n%s", prefix, &printed)
}
