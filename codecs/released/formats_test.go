package released_test

import (
	"maps"
	"os"
	"path/filepath"
	"testing"

	"refold/codecs/released"
)

// Schemas of every format come back with what they import, and an edit of an import is found.
func TestFormats(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "released")
	for i, today := range []released.Version{
		{Format: "AVRO", Text: `{"type":"record","name":"A","fields":[]}`},
		{Format: "JSON", Text: `{"title":"A"}`},
		{
			Format: "PROTOBUF", Text: "message A {}\n\n",
			Imports: map[string]string{"shop/b.proto": "message B {}", "c.proto": "message C {}"},
		},
		{
			Format: "PROTOBUF", Text: "message A {}\n",
			Imports: map[string]string{"shop/b.proto": "message B2 {}", "c.proto": "message C {}"},
		},
	} {
		for _, isNew := range []bool{true, false} {
			number, got, err := open(t, dir).Freeze("shop.A", today)
			if err != nil || number != i+1 || got != isNew {
				t.Errorf("%s: version %d, new: %v, %v", today.Format, number, got, err)
			}
		}
		versions := open(t, dir).Versions("shop.A")
		last := versions[len(versions)-1]
		if last.Format != today.Format || !released.Same(last.Text, today.Text) ||
			!maps.Equal(last.Imports, today.Imports) && len(today.Imports) > 0 {
			t.Errorf("got %+v, want %+v", last, today)
		}
	}
	for _, wrong := range []released.Version{
		{Format: "CSV", Text: "{}"},
		{Format: "PROTOBUF", Imports: map[string]string{"../../etc/passwd": ""}},
	} {
		if _, _, err := open(t, dir).Freeze("shop.A", wrong); err == nil {
			t.Errorf("%+v is frozen", wrong)
		}
	}
	path := filepath.Join(dir, "shop.A", "3.imports", "shop", "b.proto")
	if err := os.WriteFile(path, []byte("message D {}"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := released.Open(dir); err == nil {
		t.Error("the edit of an import is not found")
	}
}
