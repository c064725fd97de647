package values_test

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"golang.org/x/net/html"

	"refold/codecs/jsondiff"
	"refold/console/consoletest"
	"refold/console/values"
)

var money = map[string]string{"balance": "currency", "charges[].refundable": "currency"}

func shown(t *testing.T, text string, o values.Options) *html.Node {
	t.Helper()
	var b bytes.Buffer
	if err := values.Tree(values.Parse([]byte(text)), o).Render(t.Context(), &b); err != nil {
		t.Fatal(err)
	}
	root, err := html.Parse(&b)
	if err != nil {
		t.Fatal(err)
	}
	return root
}

func TestValuesForPeople(t *testing.T) {
	for _, c := range []struct{ json, want string }{
		{`{"owner":"","n":null,"b":true}`, "owner empty n null b true"},
		{`{"currency":"EUR","balance":1250}`, "currency EUR balance 12.50 EUR"},
		{`{"currency":"?","balance":1250}`, "currency ? balance 1250"},
		{
			`{"currency":"JPY","charges":[{"name":"a","refundable":5},{"name":"b","refundable":0}]}`,
			"currency JPY charges name refundable a 5 JPY b 0 JPY",
		},
		{`[[1],{"a":2}]`, "0 0 1 1 a 2"},
		{`{"a":[],"b":{}}`, "a none b no fields"},
		{`9007199254740993`, "9007199254740993"},
		{`not JSON`, "not JSON"},
	} {
		if got := consoletest.Text(shown(t, c.json, values.Options{Money: money})); got != c.want {
			t.Errorf("%s is shown as %q, want %q", c.json, got, c.want)
		}
	}
}

func TestChangesAreMarkedAndExplained(t *testing.T) {
	before, after := `{"owner":"A","charges":[{"n":1}]}`, `{"owner":"A","charges":[{"n":2},{"n":3}]}`
	root := shown(t, after, values.Options{
		Changed: jsondiff.Between(values.Parse([]byte(before)), values.Parse([]byte(after))),
		Why:     func(path string) string { return "/why/" + path },
	})
	var marked []string
	for _, span := range consoletest.All(root, "span", "class", "changed") {
		marked = append(marked, consoletest.Text(span))
	}
	if got := strings.Join(marked, " "); got != "2 3" {
		t.Errorf("marked are %q", got)
	}
	if n := len(consoletest.All(root, "a", "href", "/why/charges[1].n")); n != 1 {
		t.Errorf("%d links explain charges[1].n", n)
	}
}

func TestValuesInAFewWords(t *testing.T) {
	root := values.Parse([]byte(`{"currency":"CHF","note":"a\nb",` +
		`"charges":[{"reference":"order-2","refundable":3780}]}`))
	charges := jsondiff.Path{}.Named("charges")
	for _, c := range []struct {
		path jsondiff.Path
		want string
	}{
		{charges, "1 item"},
		{charges.At(0), `reference "order-2", refundable 37.80 CHF`},
		{charges.At(0).Named("refundable"), "37.80 CHF"},
		{jsondiff.Path{}.Named("note"), `"a\nb"`},
		{jsondiff.Path{}.Named("other"), "nothing"},
	} {
		if got := values.Short(root.At(c.path), c.path, root, money); got != c.want {
			t.Errorf("%s is %q, want %q", c.path, got, c.want)
		}
	}
}

func TestHugeValuesAreCut(t *testing.T) {
	var items []string
	for i := range 10_000 {
		items = append(items, fmt.Sprint(i))
	}
	text := consoletest.Text(shown(t, "["+strings.Join(items, ",")+"]", values.Options{}))
	if !strings.Contains(text, "more is not shown") || strings.Contains(text, " 5000 ") {
		t.Errorf("%d bytes are shown", len(text))
	}
	long := consoletest.Text(shown(t, `"`+strings.Repeat("é", 50_000)+`"`, values.Options{}))
	if len(long) > 10_000 || !strings.HasSuffix(long, "…") {
		t.Errorf("%d bytes of a text are shown", len(long))
	}
}
