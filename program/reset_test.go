package program

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"

	"refold/eventsourcing"
	"refold/kafka"
	"refold/processors"
	"refold/program/command"
	"refold/snapshots/rebuild/reset"
)

// reset runs the offline reset of accounts, and returns what it says.
func (i *testbed) reset(ctx context.Context, code int, flags ...string) string {
	i.t.Helper()
	args := append([]string{
		"reset", "accounts", "--to-zero", "--log.level", "error", "--store.directory", i.store,
	}, i.reach()...)
	var out output
	if got := execute(ctx, &out, nil, append(args, flags...)...); got != code {
		i.t.Errorf("reset %v: exit code %d, want %d\n%s", flags, got, code, &out)
	}
	return out.String()
}

// table is the table as it is now: the last record of each key, without tombstones.
func (i *testbed) table() map[string][]byte {
	i.t.Helper()
	rows := map[string][]byte{}
	for _, r := range i.records("accounts-table") {
		if rows[string(r.Key)] = r.Value; r.Value == nil {
			delete(rows, string(r.Key))
		}
	}
	return rows
}

func (i *testbed) admin() *kadm.Client {
	i.t.Helper()
	client, err := kgo.NewClient(kgo.SeedBrokers(i.cluster.Brokers()...))
	if err != nil {
		i.t.Fatal(err)
	}
	i.t.Cleanup(client.Close)
	return kadm.NewClient(client)
}

// offsets are those of the accounts' group, by partition.
func (i *testbed) offsets() map[int32]int64 {
	i.t.Helper()
	responses, err := i.admin().FetchOffsets(i.t.Context(), "accounts")
	if err != nil && !errors.Is(err, kerr.GroupIDNotFound) {
		i.t.Fatal(err)
	}
	found := map[int32]int64{}
	responses.Each(func(r kadm.OffsetResponse) { found[r.Partition] = r.At })
	return found
}

// forget deletes the rows and the group's offsets.
func (i *testbed) forget() {
	i.t.Helper()
	var tombstones []*kgo.Record
	for key := range i.table() {
		tombstones = append(tombstones, &kgo.Record{Topic: "accounts-table", Key: []byte(key)})
	}
	i.write(tombstones...)
	i.write(&kgo.Record{Topic: "accounts-table", Key: []byte("ghost"), Value: []byte("no row")})
	if _, err := i.admin().DeleteGroup(i.t.Context(), "accounts"); err != nil {
		i.t.Fatal(err)
	}
}

// same compares two tables to the last byte, rings included.
func (i *testbed) same(want map[string][]byte) {
	i.t.Helper()
	got := i.table()
	for key, row := range want {
		if !bytes.Equal(got[key], row) {
			i.t.Errorf("row %s:\n got %x\nwant %x", key, got[key], row)
		}
	}
	if len(got) != len(want) {
		i.t.Errorf("%d rows, want %d", len(got), len(want))
	}
}

// story is what happens before a reset: events, rejections, repeats, a dead letter at the end of a partition,
// an account that has a ring alone, and then, with nobody there to handle them, commands that wait.
func (i *testbed) story() (rows map[string][]byte, offsets map[int32]int64) {
	i.t.Helper()
	w := i.start()
	for _, name := range []string{"ann", "bob", "cid", "dan", "eve"} {
		w.open(name)
		w.deposit(name, 3)
		w.deposit(name, 1) // the first one again
		w.send("/accounts/"+name, "too-much-"+name, "WithdrawMoney",
			`{"amount": 100000, "currency": "EUR"}`)
	}
	w.deposit("ann", 20) // more than a ring holds
	w.send("/accounts/nobody", "to-nobody", "DepositMoney", `{"amount": 1, "currency": "EUR"}`)
	p := i.producer()
	p.put(&kgo.Record{Key: []byte("ann"), Value: []byte("garbage")},
		&kgo.Record{Key: []byte("nobody"), Value: []byte("garbage")})
	eventually(i.t, func() bool { return len(i.records("dead-letters")) == 2 }, w.out)
	w.stop()
	offsets = i.offsets()
	for n := range 3 {
		p.put(p.open(fmt.Sprintf("new-%d", n), eventsourcing.Metadata{ID: fmt.Sprintf("waits-%d", n)}))
	}
	return i.table(), offsets
}

// after checks that the worker goes on as if nothing had been: what waited is handled, once, what was
// handled is known still, and all is equal.
func (i *testbed) after() {
	i.t.Helper()
	w := i.start()
	for n := range 3 {
		path := fmt.Sprintf("/accounts/new-%d", n)
		eventually(i.t, func() bool { return w.ask(http.MethodGet, path, "").number("sequence") == 1 }, w.out)
	}
	events := len(i.records("account-events"))
	var again []*kgo.Record
	for _, r := range i.records(commandsTopic) {
		if string(r.Key) == "cid" { // past the API, which does not send what it knows
			again = append(again, &kgo.Record{
				Topic: r.Topic, Key: r.Key, Value: r.Value, Headers: r.Headers,
			})
		}
	}
	i.write(again...)
	eventually(i.t, func() bool {
		repeated := 0
		for _, r := range i.records("account-results") {
			if string(r.Key) == "cid" && header(r, processors.HeaderRepeated) == "true" {
				repeated++
			}
		}
		return repeated >= len(again)
	}, w.out)
	if n := len(i.records("account-events")); n != events {
		i.t.Errorf("commands that came again led to %d events", n-events)
	}
	w.deposit("eve", 4)
	if n := len(i.records("account-events")); n != events+1 {
		i.t.Errorf("a new command led to %d events", n-events)
	}
	i.verifyAccounts(0, "--worker", w.server)
	w.stop()
}

// A table that is as it should be is left as it is, to the last byte: rings are made again from events
// and results as they were. A table and offsets that are lost are made again, and the commands that
// nobody had handled are handled then.
func TestResetToZero(t *testing.T) {
	t.Parallel()
	i := newTestbed(t)
	rows, offsets := i.story()

	text := i.reset(t.Context(), 0, "--dry-run")
	for _, want := range []string{"rows     6, in 2 partitions", "wait", "nothing was done", i.store} {
		if !strings.Contains(text, want) {
			t.Errorf("%q is not in\n%s", want, text)
		}
	}
	if text := i.reset(t.Context(), command.ExitRefused); !strings.Contains(text, "--yes") {
		t.Errorf("it does not ask:\n%s", text)
	}
	records := len(i.records("accounts-table"))
	i.reset(t.Context(), 0, "--yes")
	if n := len(i.records("accounts-table")); n != records {
		t.Errorf("%d rows were written though all were right", n-records)
	}
	if got := i.offsets(); fmt.Sprint(got) != fmt.Sprint(offsets) {
		t.Errorf("offsets %v, want %v", got, offsets)
	}

	i.forget()
	i.reset(t.Context(), 0, "--yes")
	i.same(rows)
	if got := i.offsets(); fmt.Sprint(got) != fmt.Sprint(offsets) {
		t.Errorf("offsets %v, want %v", got, offsets)
	}
	i.after()
}

// Nobody may be in the group: not before, and not while the reset works.
func TestResetKeepsWorkersOut(t *testing.T) {
	t.Parallel()
	i := newTestbed(t)
	w := i.start()
	w.open("ann")
	if text := i.reset(t.Context(), command.ExitRefused, "--yes"); !strings.Contains(text, "has members") ||
		!strings.Contains(text, "refold at 127.0.0.1, partitions [0 1]") {
		t.Errorf("it does not say who is there:\n%s", text)
	}
	settings := kafka.Settings{Brokers: i.cluster.Brokers()}
	if _, err := reset.Join(t.Context(), settings, "accounts", commandsTopic); err == nil {
		t.Error("the membership was given beside a worker")
	}
	w.stop()

	membership, err := reset.Join(t.Context(), settings, "accounts", commandsTopic)
	if err != nil {
		t.Fatal(err)
	}
	if text := i.reset(t.Context(), command.ExitRefused, "--yes"); !strings.Contains(text, "has members") {
		t.Errorf("two resets:\n%s", text)
	}
	offsets := i.offsets()
	w = i.begin()
	eventually(t, func() bool {
		return strings.Contains(w.out.String(), "INCONSISTENT_GROUP_PROTOCOL")
	}, w.out)
	if status := w.ask(http.MethodGet, "/readyz", "").status; status == http.StatusOK {
		t.Error("the worker says that it is ready")
	}
	if err := membership.Commit(t.Context(), commandsTopic, offsets); err != nil {
		t.Error(err)
	}
	membership.Leave()
	eventually(t, func() bool { return w.ask(http.MethodGet, "/readyz", "").status == http.StatusOK }, w.out)
	w.deposit("ann", 1)
	w.stop()
}

// A reset that is killed at any stage leaves a group that no worker works in, and is done again.
func TestResetKilledHalfWay(t *testing.T) {
	t.Parallel()
	i := newTestbed(t)
	rows, offsets := i.story()
	i.forget()
	killed := 0
	for n := 1; ; n++ {
		ctx, cancel := context.WithCancel(t.Context())
		out := &killer{after: n, kill: cancel}
		args := append([]string{
			"reset", "accounts", "--to-zero", "--yes", "--log.level", "error", "--store.directory", i.store,
		}, i.reach()...)
		root := testRoot(nil)
		root.SetArgs(args)
		root.SetOut(out)
		root.SetErr(new(output))
		err := root.ExecuteContext(ctx)
		cancel()
		if err == nil {
			break
		}
		if at := i.offsets(); at[0] == reset.Mark {
			killed++
		}
	}
	if killed == 0 {
		t.Error("it was never killed half-way")
	}
	i.same(rows)
	if got := i.offsets(); fmt.Sprint(got) != fmt.Sprint(offsets) {
		t.Errorf("offsets %v, want %v", got, offsets)
	}
	i.after()
}

// killer ends a context when so many lines were written.
type killer struct {
	after int
	kill  func()
}

func (k *killer) Write(b []byte) (int, error) {
	if k.after -= bytes.Count(b, []byte("\n")); k.after <= 0 {
		k.kill()
	}
	return len(b), nil
}

// A worker that starts while a reset is not finished ends, and says what to do.
func TestWorkerAfterHalfAReset(t *testing.T) {
	t.Parallel()
	i := newTestbed(t)
	rows, _ := i.story()
	membership, err := reset.Join(t.Context(), kafka.Settings{Brokers: i.cluster.Brokers()}, "accounts",
		commandsTopic)
	if err != nil {
		t.Fatal(err)
	}
	if err := membership.MarkAll(t.Context(), commandsTopic, []int32{0, 1}); err != nil {
		t.Fatal(err)
	}
	i.write(&kgo.Record{Topic: "accounts-table", Key: []byte("ann")}) // half of it
	membership.Leave()
	w := i.begin()
	eventually(t, func() bool { return strings.Contains(w.out.String(), "run the reset again") }, w.out)
	w.stop()
	i.reset(t.Context(), 0, "--yes")
	i.same(rows)
	i.after()
}
