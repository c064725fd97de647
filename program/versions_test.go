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
