package program

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/sr"

	"refold/processors/accounts"
	"refold/processors/foldtest"
)

// G9: a worker that could not read rows of a version that the registry has handles nothing. It says which
// field is wrong, and so does the check before it is deployed.
func TestEventsOfAnotherVersion(t *testing.T) {
	t.Parallel()
	i := newTestbed(t)
	const amount = `"name":"amount","type":"long"`
	text := foldtest.Open(t, accounts.Definition).SchemaText("MoneyDeposited")
	if !strings.Contains(text, amount) {
		t.Fatalf("no %s in %s", amount, text)
	}
	older := strings.Replace(text, amount, `"name":"sum","type":"long"`, 1)
	const subject = "refold.accounts.MoneyDeposited"
	if _, _, err := i.cluster.Registry().RegisterSchema(subject, sr.Schema{Schema: older}); err != nil {
		t.Fatal(err)
	}
	w := i.begin()
	var readyz string
	eventually(t, func() bool {
		r := w.ask(http.MethodGet, "/readyz", "")
		readyz = fmt.Sprint(r.body)
		return r.status == http.StatusServiceUnavailable && strings.Contains(readyz, "default")
	}, w.out)
	const want = "version 1 of refold.accounts.MoneyDeposited"
	if !strings.Contains(readyz, want) || !strings.Contains(readyz, "give amount a default") {
		t.Errorf("/readyz says %s", readyz)
	}
	if code := w.ask(http.MethodGet, "/healthz", "").status; code != http.StatusOK {
		t.Errorf("/healthz is %d", code)
	}
	w.stop()
	for _, command := range []string{"check", "register"} {
		var out output
		code := execute(t.Context(), &out, nil, "schemas", command,
			"--registry.urls", i.cluster.RegistryURL())
		if code == 0 {
			t.Errorf("schemas %s finds nothing wrong", command)
		}
		if !strings.Contains(out.String(), "give amount a default") {
			t.Errorf("schemas %s says %s", command, &out)
		}
	}
}

// Given a type of an aggregate that the registry has and the program has not, a worker handles nothing, and
// says which it is and what to do; unless it is told to warn, or that the type is of no account.
func TestTypesThatTheProgramLacks(t *testing.T) {
	t.Parallel()
	i := newTestbed(t)
	const schema = `{"type": "record", "name": "AccountPainted", "namespace": "refold.accounts",
		"fields": []}`
	const subject = "refold.accounts.AccountPainted"
	if _, _, err := i.cluster.Registry().RegisterSchema(subject, sr.Schema{Schema: schema}); err != nil {
		t.Fatal(err)
	}
	w := i.begin()
	eventually(t, func() bool {
		r := w.ask(http.MethodGet, "/readyz", "")
		readyz := fmt.Sprint(r.body)
		return r.status == http.StatusServiceUnavailable &&
			strings.Contains(readyz, subject+" is in the registry, and the program has no such type") &&
			strings.Contains(readyz, "definition of account") && strings.Contains(readyz, subject+"=NONE")
	}, w.out)
	w.stop()
	w = i.start("--registry.unreadable-history", "warn")
	w.goesOn("alice")
	if !strings.Contains(w.out.String(), subject+" is in the registry") {
		t.Errorf("the log does not name it:\n%s", w.out)
	}
	w.stop()
	w = i.start("--registry.compatibility-overrides", subject+"=NONE")
	w.goesOn("bob")
	if strings.Contains(w.out.String(), subject) {
		t.Errorf("the log names what is ignored:\n%s", w.out)
	}
}

// Given a type that was registered after all of the program's own, by a later release that is being rolled
// out or was called back, a pod of this release can start again.
func TestTypesOfALaterRelease(t *testing.T) {
	t.Parallel()
	i := newTestbed(t)
	w := i.start()
	w.goesOn("alice")
	w.stop()
	const schema = `{"type": "record", "name": "AccountPainted", "namespace": "refold.accounts",
		"fields": []}`
	const subject = "refold.accounts.AccountPainted"
	if _, _, err := i.cluster.Registry().RegisterSchema(subject, sr.Schema{Schema: schema}); err != nil {
		t.Fatal(err)
	}
	w = i.start()
	w.goesOn("bob")
	if !strings.Contains(w.out.String(), "a type of a later release") ||
		!strings.Contains(w.out.String(), subject) {
		t.Errorf("the log does not name it:\n%s", w.out)
	}
}

// A worker that is told to warn starts with a version of its events that it can't read.
func TestUnreadableVersionIsOnlyLogged(t *testing.T) {
	t.Parallel()
	i := newTestbed(t)
	text := foldtest.Open(t, accounts.Definition).SchemaText("MoneyDeposited")
	older := strings.Replace(text, `"name":"amount","type":"long"`, `"name":"sum","type":"long"`, 1)
	registry := i.cluster.Registry()
	_, _, err := registry.RegisterSchema("refold.accounts.MoneyDeposited", sr.Schema{Schema: older})
	if err != nil {
		t.Fatal(err)
	}
	w := i.start("--registry.unreadable-history", "warn")
	w.goesOn("alice")
	if !strings.Contains(w.out.String(), "version 1 of refold.accounts.MoneyDeposited") {
		t.Errorf("the log does not name it:\n%s", w.out)
	}
}

// Subjects may be named after topics and records, with a prefix: two installations then share a registry.
func TestSubjectsByTopicAndRecord(t *testing.T) {
	t.Parallel()
	i := newTestbed(t)
	naming := []string{"--registry.subjects", "topic-record", "--registry.subject-prefix", "eu."}
	w := i.start(naming...)
	w.goesOn("alice")
	flags := append([]string{"--registry.urls", i.cluster.RegistryURL()}, naming...)
	listed := expect(t, 0, []string{
		"eu.account-events-refold.accounts.MoneyDeposited ", "eu.order-results-refold.Result",
		"eu.accounts-table-refold.accounts.AccountRow",
	}, append([]string{"schemas", "list", "--all"}, flags...)...)
	if strings.Contains(listed, "\nrefold.") {
		t.Errorf("there are subjects by record, too:\n%s", listed)
	}
	expect(t, 0, []string{"are compatible"}, append([]string{"schemas", "check"}, flags...)...)
	const painted = `{"type": "record", "name": "AccountPainted", "namespace": "refold.accounts",
		"fields": []}`
	const subject = "eu.account-events-refold.accounts.AccountPainted"
	if _, _, err := i.cluster.Registry().RegisterSchema(subject, sr.Schema{Schema: painted}); err != nil {
		t.Fatal(err)
	}
	expect(t, 1, []string{subject + ": the program has no such type"},
		append([]string{"schemas", "check"}, flags...)...)
	expect(t, 0, []string{"are compatible"}, append([]string{
		"schemas", "check", "--registry.compatibility-overrides", "refold.accounts.AccountPainted=NONE",
	}, flags...)...)
	expect(t, 1, []string{"topic-record or by record"}, "schemas", "list", "--registry.urls",
		i.cluster.RegistryURL(), "--registry.subjects", "topic")
}
