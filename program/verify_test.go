package program

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"refold/kafka"
	"refold/program/command"
	"refold/snapshots/verify"
)

// verifyAccounts runs verify on an installation's accounts, and returns what it found.
func (i *testbed) verifyAccounts(code int, flags ...string) ([]verify.Difference, string) {
	i.t.Helper()
	args := append([]string{"verify", "accounts", "--log.level", "error"}, i.reach()...)
	var out output
	if got := execute(i.t.Context(), &out, nil, append(args, flags...)...); got != code {
		i.t.Errorf("verify %v: exit code %d, want %d\n%s", flags, got, code, &out)
	}
	var found []verify.Difference
	for line := range strings.Lines(out.String()) {
		if !strings.HasPrefix(line, "{") {
			continue
		}
		var d verify.Difference
		if err := json.Unmarshal([]byte(line), &d); err != nil {
			i.t.Fatalf("%s: %v", line, err)
		}
		found = append(found, d)
	}
	return found, out.String()
}

// busy sends commands to some accounts until it is stopped.
func (w *runningWorker) busy(names ...string) (stop func()) {
	w.t.Helper()
	ctx, cancel := context.WithCancel(w.t.Context())
	var work sync.WaitGroup
	for _, name := range names {
		w.open(name)
		work.Go(func() {
			for n := 0; ctx.Err() == nil; n++ {
				id := fmt.Sprintf("%s-%d", name, n)
				command, data := "DepositMoney", `{"amount": 5, "currency": "EUR"}`
				if n%3 == 0 {
					command, data = "WithdrawMoney", `{"amount": 7, "currency": "EUR"}`
				}
				w.send("/accounts/"+name, id, command, data)
			}
		})
	}
	return func() {
		cancel()
		work.Wait()
	}
}

func (w *runningWorker) open(name string) {
	w.t.Helper()
	r := w.send("/accounts/"+name, "open-"+name, "OpenAccount",
		fmt.Sprintf(`{"owner": "owner of %s", "currency": "EUR"}`, name))
	if r.body["status"] != "accepted" {
		w.t.Fatalf("open %s: %+v", name, r)
	}
}

func (w *runningWorker) deposit(name string, n int) {
	w.t.Helper()
	for k := range n {
		r := w.send("/accounts/"+name, fmt.Sprintf("deposit-%s-%d", name, k), "DepositMoney",
			`{"amount": 100, "currency": "EUR"}`)
		if r.status != http.StatusOK {
			w.t.Fatalf("deposit to %s: %+v", name, r)
		}
	}
}

// records reads all of a topic.
func (i *testbed) records(topic string) (all []*kgo.Record) {
	i.t.Helper()
	settings := kafka.Settings{Brokers: i.cluster.Brokers()}
	options, err := settings.Options()
	if err != nil {
		i.t.Fatal(err)
	}
	for partition := range int32(2) {
		_, err := kafka.ReadPartition(i.t.Context(), options,
			kafka.Range{Topic: topic, Partition: partition, From: kafka.FromStart},
			func(records []*kgo.Record, _ kafka.Progress) error {
				all = append(all, records...)
				return nil
			})
		if err != nil {
			i.t.Fatal(err)
		}
	}
	return all
}

// last is the last record of a key in a topic.
func (i *testbed) last(topic, key string) *kgo.Record {
	i.t.Helper()
	all := i.records(topic)
	for _, r := range slices.Backward(all) {
		if string(r.Key) == key {
			return r
		}
	}
	i.t.Fatalf("%s has no record of %s", topic, key)
	return nil
}

// write writes records past the worker.
func (i *testbed) write(records ...*kgo.Record) {
	i.t.Helper()
	p := i.producer()
	if err := p.client.ProduceSync(i.t.Context(), records...).FirstErr(); err != nil {
		i.t.Fatal(err)
	}
}

// G4, and no false alarm: while commands go on, and rows move while they are read, all is equal, in the
// table, the worker's store and the results.
func TestVerifyWhileCommandsGoOn(t *testing.T) {
	t.Parallel()
	i := newTestbed(t)
	w := i.start()
	stop := w.busy("ann", "bob", "cid", "dan")
	defer stop()
	moved := false
	for n := 0; n < 30 && (n < 5 || !moved); n++ {
		found, text := i.verifyAccounts(0, "--worker", w.server)
		if len(found) > 0 {
			t.Fatalf("found %+v", found)
		}
		if !strings.Contains(text, w.server) || !strings.Contains(text, "all equal") {
			t.Fatalf("it says\n%s", text)
		}
		moved = moved || !strings.Contains(text, "(0 of them written meanwhile)")
	}
	if !moved {
		t.Error("no row was written while it was verified: nothing was tried")
	}
	i.verifyAccounts(0, "--worker", w.server, "--sample", "50%", "--since", "1h", "--partition", "1")
}

// Each kind of difference, planted past the worker, is found, and nothing else is.
func TestVerifyFindsDifferences(t *testing.T) {
	t.Parallel()
	const table, results = "accounts-table", "account-results"
	i := newTestbed(t)
	w := i.start()
	for _, name := range []string{"ann", "bob", "cid", "dan", "eve", "fay", "hal", "ivy"} {
		w.open(name)
	}
	early := i.last(table, "cid").Value
	w.deposit("ann", 1)
	w.deposit("cid", 2)
	w.deposit("dan", 5)
	second, told := i.last("account-events", "ann"), i.last(results, "ann")
	i.verifyAccounts(0, "--worker", w.server)
	i.write(
		&kgo.Record{Topic: table, Key: []byte("bob")},
		&kgo.Record{Topic: table, Key: []byte("cid"), Value: early},
		&kgo.Record{Topic: table, Key: []byte("eve"), Value: i.last(table, "fay").Value},
		&kgo.Record{Topic: table, Key: []byte("fay"), Value: i.last(table, "dan").Value},
		&kgo.Record{Topic: table, Key: []byte("ghost"), Value: i.last(table, "dan").Value},
		&kgo.Record{Topic: table, Key: []byte("dan"), Value: []byte("garbage")},
		as(told, "ann", "nobody's"), as(second, "ivy", "ivy's"), as(second, "hal", "hal's"),
		as(told, "hal", "somebody else's"),
	)
	want := map[string]verify.Kind{
		"bob": verify.Missing, "cid": verify.Behind, "eve": verify.Differs, "fay": verify.Ahead,
		"ghost": verify.Ahead, "dan": verify.Unreadable, "ann": verify.ResultWithoutEvent,
		"ivy": verify.EventWithoutResult, "hal": verify.OtherCommand,
	}
	state := t.TempDir()
	for n, says := range []string{"13 differences", "verified before"} {
		found, text := i.verifyAccounts(command.ExitDiffers, "--worker", w.server, "--state", state)
		if !strings.Contains(text, says) {
			t.Errorf("run %d: it does not say %q:\n%s", n, says, text)
		}
		got := map[string]verify.Kind{}
		behind := 0 // the rows of events that somebody else wrote, in table and store
		for _, d := range found {
			if d.What == verify.Behind && (d.Key == "ivy" || d.Key == "hal") {
				behind++
				continue
			}
			got[d.Key] = d.What
			if where := d.Where; where != table && where != results {
				t.Errorf("found in %s: %+v", where, d)
			}
			if d.Key == "eve" && (len(d.Fields) != 1 || d.Fields[0].Path != "state.owner" ||
				string(d.Fields[0].Fold) != `"owner of eve"`) {
				t.Errorf("fields are %+v", d.Fields)
			}
		}
		if fmt.Sprint(got) != fmt.Sprint(want) || len(found) != len(want)+behind || behind != 4 {
			t.Errorf("run %d: found %v, want %v", n, got, want)
		}
	}
}

// as is a record under another key, and of another command.
func as(r *kgo.Record, key, command string) *kgo.Record {
	headers := slices.Clone(r.Headers)
	for n, h := range headers {
		if h.Key == "ce_causationid" {
			headers[n].Value = []byte(command)
		}
	}
	return &kgo.Record{Topic: r.Topic, Key: []byte(key), Value: r.Value, Headers: headers}
}

func TestVerifyMistakes(t *testing.T) {
	t.Parallel()
	i := newTestbed(t)
	w := i.start()
	for _, test := range []struct {
		want  string
		flags []string
	}{
		{"partitions 0 to 1", []string{"--partition", "2"}},
		{"must be a share", []string{"--sample", "200%"}},
		{"neither a time", []string{"--since", "yesterday"}},
		{"no URL", []string{"--worker", "localhost"}},
		{"unknown flag", []string{"--partitions", "1"}},
		{"connection refused", []string{"--worker", "http://127.0.0.1:1"}},
		{"no worker of the group accounts answers", []string{"--http.address", "127.0.0.1:1"}},
	} {
		_, text := i.verifyAccounts(command.ExitUnverified, test.flags...)
		if !strings.Contains(text, test.want) {
			t.Errorf("%v: %q is not in\n%s", test.flags, test.want, text)
		}
	}
	_, port, _ := strings.Cut(strings.TrimPrefix(w.server, "http://"), ":")
	for want, flags := range map[string][]string{
		"stores: of 1 of 1 workers, for 2 of 2 partitions": {"--http.address", "127.0.0.1:" + port},
		"stores: of 1 of 1 workers, for 1 of 1 partitions": {"--worker", w.server, "--partition", "1"},
		"stores: none, as --no-workers says":               {"--no-workers"},
	} {
		if _, text := i.verifyAccounts(0, flags...); !strings.Contains(text, want) {
			t.Errorf("%v: %q is not in\n%s", flags, want, text)
		}
	}
	w.stop()
	const nobody = "stores: none, the group accounts has no members"
	if _, text := i.verifyAccounts(0); !strings.Contains(text, nobody) {
		t.Errorf("nobody is a member: it says\n%s", text)
	}
}

// The group's own error is no group without members: what could not be asked was not verified.
func TestVerifyAGroupThatIsNotDescribed(t *testing.T) {
	t.Parallel()
	i := newTestbed(t)
	w := i.start()
	defer w.stop()
	refuse := i.cluster.Kafka().Fault(kfake.Fault{
		Keys: []kmsg.Key{kmsg.DescribeGroups}, Err: kerr.GroupAuthorizationFailed, Count: -1,
	})
	defer refuse.Remove()
	_, text := i.verifyAccounts(command.ExitUnverified)
	if !strings.Contains(text, "GROUP_AUTHORIZATION_FAILED") {
		t.Errorf("it says\n%s", text)
	}
	i.verifyAccounts(0, "--worker", w.server)
}

// A worker that has none of the partitions is none that was compared.
func TestVerifyAWorkerWithoutThePartitions(t *testing.T) {
	t.Parallel()
	i := newTestbed(t)
	w := i.start()
	w.open("ann")
	w.stop()
	others := newTestbed(t)
	other := others.start("--topics.prefix", "other.")
	defer other.stop()
	if _, text := i.verifyAccounts(command.ExitUnverified, "--worker", other.server); !strings.Contains(text,
		"none of 1 workers has any of the partitions") {
		t.Errorf("it says\n%s", text)
	}
}

// The check in the background goes round and round without a false alarm while commands go on, and
// counts what somebody else has written.
func TestVerifyInTheBackground(t *testing.T) {
	t.Parallel()
	i := newTestbed(t)
	w := i.start("--verify.events-per-second", "1000000", "--verify.pause", "10ms")
	stop := w.busy("ann", "bob", "cid", "dan")
	metric := func(name string) (sum float64) {
		for line := range strings.Lines(get(t, w.server+"/metrics")) {
			if strings.HasPrefix(line, name+"{") && strings.Contains(line, `group="accounts"`) {
				var n float64
				if _, err := fmt.Sscan(line[strings.LastIndex(line, " ")+1:], &n); err != nil {
					t.Fatal(err)
				}
				sum += n
			}
		}
		return sum
	}
	eventually(t, func() bool { return metric("refold_verify_partitions_total") >= 20 }, w.out)
	stop()
	for _, name := range []string{"refold_verify_differences_total", "refold_verify_failures_total"} {
		if n := metric(name); n != 0 {
			t.Errorf("%s is %v\n%s", name, n, w.out)
		}
	}
	next := i.last("account-events", "ann")
	for n, h := range next.Headers {
		if h.Key == "ce_sequence" {
			var sequence int64
			if _, err := fmt.Sscan(string(h.Value), &sequence); err != nil {
				t.Fatal(err)
			}
			next.Headers[n].Value = fmt.Append(nil, sequence+1)
		}
	}
	i.write(&kgo.Record{Topic: next.Topic, Key: next.Key, Value: next.Value, Headers: next.Headers})
	eventually(t, func() bool { return metric("refold_verify_differences_total") > 0 }, w.out)
	if !strings.Contains(w.out.String(), `"what":"behind"`) {
		t.Errorf("the log does not say which row:\n%s", w.out)
	}
}
