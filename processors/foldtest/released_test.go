package foldtest_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"refold/codecs"
	"refold/codecs/released"
	"refold/processors/accounts"
	"refold/processors/foldtest"
)

// failures is a testing.TB that remembers instead of failing.
type failures struct {
	testing.TB
	texts []string
}

func (f *failures) Helper() {}

func (f *failures) Errorf(format string, args ...any) {
	f.texts = append(f.texts, fmt.Sprintf(format, args...))
}

// A version that no type reads is named, and so is a type that was never released.
func TestReadsReleasedFindsWhatIsNotRead(t *testing.T) {
	dir := t.TempDir()
	folder, err := released.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	opened := foldtest.Open(t, accounts.Definition)
	for _, set := range opened.Sets() {
		for _, schema := range set.Schemas() {
			if schema.Name == "refold.accounts.MoneyDeposited" {
				freeze(t, folder, schema.Name, strings.Replace(schema.Text, `"amount"`, `"sum"`, 1))
			}
			if schema.Name != "refold.accounts.AccountRow" {
				freeze(t, folder, schema.Name, schema.Text)
			}
		}
	}
	freeze(t, folder, "refold.accounts.AccountSold", `{"type": "record", "name": "AccountSold",
		"namespace": "refold.accounts", "fields": []}`)
	found := &failures{TB: t}
	foldtest.ReadsReleased(found, dir, accounts.Definition)
	for _, want := range []string{
		"version 1 of refold.accounts.MoneyDeposited is not read", "version 1 of refold.accounts.AccountSold",
		"refold.accounts.AccountRow was never released", "refold.Result was never released",
	} {
		if !slices.ContainsFunc(found.texts, func(s string) bool { return strings.Contains(s, want) }) {
			t.Errorf("%q is not found: %v", want, found.texts)
		}
	}
	if len(found.texts) != 4 {
		t.Errorf("found %d, want 4: %v", len(found.texts), found.texts)
	}
}

func freeze(t *testing.T, folder *released.Folder, subject, text string) {
	t.Helper()
	schema, err := codecs.ParseSchema(text)
	if err != nil {
		t.Fatal(err)
	}
	example, err := schema.Sample()
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := folder.Freeze(subject, released.Version{Text: text, Example: example}); err != nil {
		t.Fatal(err)
	}
}
