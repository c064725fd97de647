package api_test

import (
	"os"
	"regexp"
	"strings"
	"testing"

	"refold/readmodels/readmodelstest"
)

var (
	fence    = regexp.MustCompile("(?s)```(\\w+)\n(.*?)```")
	codeSpan = regexp.MustCompile("`([^`]+)`")
)

func documentation(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile("../../docs/read-models.md")
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// Every query of the documentation finds something in the read models of the shop, unless it is for Postgres.
func TestDocumentation_queries(t *testing.T) {
	d := filled(t, readmodelstest.Shop())
	executed := 0
	for _, block := range fence.FindAllStringSubmatch(documentation(t), -1) {
		query := block[2]
		if block[1] != "sql" || strings.HasPrefix(query, "-- Postgres") {
			continue
		}
		executed++
		rows, err := d.db.QueryContext(t.Context(), query)
		if err != nil {
			t.Errorf("%s\n%v", query, err)
			continue
		}
		if !rows.Next() {
			t.Errorf("%s\nfinds nothing", query)
		}
		if err := rows.Err(); err != nil {
			t.Errorf("%s\n%v", query, err)
		}
		_ = rows.Close()
	}
	if executed < 10 {
		t.Errorf("%d queries were found", executed)
	}
}

// The documentation has every table with all of its columns.
func TestDocumentation_tables(t *testing.T) {
	lines := strings.Split(documentation(t), "\n")
	for _, p := range all {
		for _, table := range p.Tables {
			names := []string{table.Name}
			for _, c := range table.Columns {
				names = append(names, c.Name)
			}
			want, found := strings.Join(names, " "), false
			for _, line := range lines {
				var spans []string
				for _, span := range codeSpan.FindAllStringSubmatch(line, -1) {
					spans = append(spans, span[1])
				}
				found = found || strings.Join(spans, " ") == want
			}
			if !found {
				t.Errorf("the columns of %s are not %s", table.Name, want)
			}
		}
	}
}

// The code of the documentation is that of the example, which is compiled and tested.
func TestDocumentation_code(t *testing.T) {
	example, err := os.ReadFile("../example_test.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, block := range fence.FindAllStringSubmatch(documentation(t), -1) {
		if block[1] != "go" {
			continue
		}
		for line := range strings.Lines(block[2]) {
			if !strings.Contains(string(example), line) {
				t.Errorf("the example has no line %q", line)
			}
		}
	}
}
