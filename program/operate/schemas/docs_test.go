package schemas_test

import (
	"bytes"
	"encoding/json"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"refold/installation"
	"refold/processors"
	"refold/processors/accounts"
	"refold/processors/orders"
	"refold/program/command"
	"refold/program/operate/schemas"
)

// The catalogue has what the history has: of a registry, or of a folder.
func TestDocs(t *testing.T) {
	for _, h := range pasts(t) {
		flags := h.flags[:2]
		out := expect(t, 0, []string{
			"# Event catalogue", "```mermaid", "#### TakeSeat", "| Version 1 |",
			"SeatTaken.row` field-added: int",
			"| Today's, not released yet |", "Wish to sit down. Version 1, today's.",
		}, added(), append([]string{"docs"}, flags...)...)
		again := expect(t, 0, nil, added(), append([]string{"docs"}, flags...)...)
		if out != again {
			t.Errorf("%s: the catalogue is otherwise when it is written again", h.name)
		}
		expect(t, 0, []string{
			"is read as SeatTaken `{\"guest\":{\"name\":\"1\"},\"price\":1}`",
			"#### SeatLeft", "it means nothing any more",
		}, upcast(), append([]string{"docs"}, flags...)...)
		expect(t, 0, []string{"#### SeatLeft", "the program has no such type"}, dropped(),
			append([]string{"docs"}, flags...)...)
	}
}

// Without a history, the definitions say all.
func TestDocsWithoutAHistory(t *testing.T) {
	unreachable := []string{"--registry.urls", "http://127.0.0.1:1", "--no-history"}
	out := expect(t, 0, []string{"<!DOCTYPE html>", "Versions of schemas were not looked for."}, first(),
		append([]string{"docs", "--format", "html"}, unreachable...)...)
	if strings.Contains(out, "not released") {
		t.Error("it says what was released, and has not asked")
	}
	expect(t, 1, []string{"--against and --no-history need no registry"}, first(),
		append([]string{"docs", "--registry.retry-limit", "100ms"}, unreachable[:2]...)...)
}

// AsyncAPI names the servers of the configuration, and none of its secrets.
func TestDocsKeepSecrets(t *testing.T) {
	out := expect(t, 0, []string{
		`"host": "far:9092"`, `"type": "scramSha256"`,
		`"https://registry:8081/apis"`,
	},
		first(), "docs", "--format", "asyncapi", "--json", "--no-history",
		"--kafka.brokers", "far:9092", "--kafka.sasl.mechanism", "SCRAM-SHA-256",
		"--kafka.sasl.username", "jane",
		"--kafka.sasl.password-file", "docs_test.go", "--registry.urls", "https://registry:8081/apis",
		"--registry.token-file", "docs_test.go")
	for _, secret := range []string{"jane", "docs_test.go"} {
		if strings.Contains(out, secret) {
			t.Errorf("%s is in the document", secret)
		}
	}
	if !json.Valid([]byte(out)) {
		t.Error("it is no JSON")
	}
}

func TestDocsRefuseContradictions(t *testing.T) {
	expect(t, 1, []string{`--format is "pdf"; it must be markdown, html or asyncapi`}, first(),
		"docs", "--format", "pdf")
	expect(t, 1, []string{"--json is for --format asyncapi"}, first(), "docs", "--json")
	expect(t, 1, []string{"contradict each other"}, first(), "docs", "--no-history", "--against", "x")
}

// The catalogue goes where it should: to a file, or to files in a folder.
func TestDocsOut(t *testing.T) {
	for _, test := range []struct {
		out  string
		args []string
		want []string
	}{
		{"one.md", nil, []string{"one.md"}},
		{"many/", nil, []string{"many/README.md", "many/seats.md"}},
		{"deep/page.html", []string{"--format", "html"}, []string{"deep/page.html"}},
		{"site/", []string{"--format", "html"}, []string{"site/index.html"}},
		{"api/", []string{"--format", "asyncapi"}, []string{"api/asyncapi.yaml"}},
		{"api/", []string{"--format", "asyncapi", "--json"}, []string{"api/asyncapi.json"}},
	} {
		folder := t.TempDir()
		args := append([]string{"docs", "--no-history", "--out", folder + "/" + test.out}, test.args...)
		if out := expect(t, 0, nil, first(), args...); out != "" {
			t.Errorf("%v: printed %s", test, out)
		}
		var found []string
		err := filepath.WalkDir(folder, func(path string, entry fs.DirEntry, err error) error {
			if err == nil && !entry.IsDir() {
				name, _ := filepath.Rel(folder, path)
				found = append(found, name)
			}
			return err
		})
		if err != nil || strings.Join(found, " ") != strings.Join(test.want, " ") {
			t.Errorf("%v: found %v, %v", test, found, err)
		}
	}
}

// The repository's own catalogue, docs/catalogue, is what "make catalogue" writes.
func TestTheRepositorysCatalogueIsFresh(t *testing.T) {
	const docs = "docs/catalogue"
	t.Chdir("../../..")
	definitions, err := processors.Define(accounts.Definition, orders.Definition, orders.Payments)
	if err != nil {
		t.Fatal(err)
	}
	folder := t.TempDir()
	cmd := schemas.Command(&command.Program{
		Definitions: definitions, Options: installation.Options(definitions),
	})
	cmd.SetArgs([]string{
		"docs", "--against", "processors/schemas/released",
		"--config", "processors/schemas/compatibility.yaml",
		"--out", folder,
	})
	if err := cmd.ExecuteContext(t.Context()); err != nil {
		t.Fatal(err)
	}
	for _, dir := range []string{docs, folder} {
		files, err := os.ReadDir(dir)
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range files {
			is, _ := os.ReadFile(filepath.Join(docs, file.Name()))
			want, _ := os.ReadFile(filepath.Join(folder, file.Name()))
			if !bytes.Equal(is, want) {
				t.Errorf("%s/%s is not up to date; \"make catalogue\" writes it", docs, file.Name())
			}
		}
	}
}
