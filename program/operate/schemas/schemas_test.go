package schemas_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/sr/srfake"

	"refold/installation"
	"refold/processors"
	"refold/program/command"
	"refold/program/operate/schemas"
)

// run runs a command of "schemas" in a program of one generation, and returns its exit code and its output.
func run(t *testing.T, generation processors.Definition, args ...string) (code int, out string) {
	t.Helper()
	definitions, err := processors.Define(generation)
	if err != nil {
		t.Fatal(err)
	}
	cmd := schemas.Command(&command.Program{
		Definitions: definitions, Options: installation.Options(definitions),
	})
	var b bytes.Buffer
	cmd.SetArgs(args)
	cmd.SetOut(&b)
	cmd.SetErr(&b)
	cmd.SilenceErrors, cmd.SilenceUsage = true, true
	err = cmd.ExecuteContext(t.Context())
	var exit command.ExitError
	switch {
	case errors.As(err, &exit):
		code = exit.Code
	case err != nil:
		code = command.ExitFailed
		b.WriteString(err.Error())
	}
	return code, b.String()
}

// expect runs a command, and checks the exit code and what is printed.
func expect(t *testing.T, code int, wants []string, generation processors.Definition, args ...string) string {
	t.Helper()
	got, out := run(t, generation, args...)
	if got != code {
		t.Errorf("%v: exit code %d, want %d\n%s", args, got, code, out)
	}
	for _, want := range wants {
		if !strings.Contains(out, want) {
			t.Errorf("%v: %q is not in:\n%s", args, want, out)
		}
	}
	return out
}

// past is a history that has the first generation: a registry, or a folder.
type past struct {
	name  string
	flags []string
}

func pasts(t *testing.T) []past {
	t.Helper()
	fake := srfake.New()
	t.Cleanup(fake.Close)
	registry := []string{"--registry.urls", fake.URL()}
	expect(t, 0, []string{"5 subjects are checked at FULL_TRANSITIVE", "5 schemas are in the registry"},
		first(), append([]string{"register", "--set-compatibility"}, registry...)...)
	folder := filepath.Join(t.TempDir(), "released")
	expect(t, 0, []string{"theatre.SeatTaken: version 1", "5 of 5 schemas are new"},
		first(), "freeze", folder)
	return []past{
		{"registry", append(registry, "--allow-missing")}, {"folder", []string{"--against", folder}},
	}
}

// Given a history of the first generation, a wrong change is refused, with its path, before it is deployed.
func TestCheck(t *testing.T) {
	for _, h := range pasts(t) {
		for _, test := range []struct {
			name       string
			generation processors.Definition
			flags      []string
			code       int
			wants      []string
		}{
			{"the same", first(), nil, 0, []string{"5 schemas are compatible with the 5 versions"}},
			{"a field with a default", added(), nil, 0, []string{
				"changed since version 1: theatre.SeatTaken\n  SeatTaken.row: field-added: int (compatible)",
				"5 schemas are compatible",
			}},
			{"a rule", strict("message.price > 0"), nil, 0, []string{
				"changed since version 1: theatre.SeatTaken\n" +
					"  theatre.SeatTaken: rule: price: message.price > 0 (A price.) (compatible)",
				"5 schemas are compatible",
			}},
			{"int to long", widened(), nil, 1, []string{
				"theatre.SeatTaken, version 1: SeatTaken.price", "(type)", "keep int while old programs run",
				"1 breaks",
			}},
			{"int to long, only backward", widened(), []string{
				"--registry.compatibility", "BACKWARD",
			}, 0, nil},
			{"int to long, only this one backward", widened(), []string{
				"--registry.compatibility-overrides", "theatre.SeatTaken=BACKWARD_TRANSITIVE",
			}, 0, nil},
			{"a field renamed", renamed(), nil, 1, []string{
				"SeatTaken.visitor", "if it was called guest, give it the alias", "SeatTaken.guest",
				"2 breaks",
			}},
			{"a type dropped", dropped(), nil, 1, []string{
				"theatre.SeatLeft: the program has no such type", "definition of seat", "1 dropped types",
			}},
			{"a record of a text, and a type dropped, both upcast", upcast(), []string{
				"--registry.compatibility", "BACKWARD_TRANSITIVE",
			}, 0, []string{"theatre.SeatTaken, version 1: SeatTaken.guest is upcast"}},
			{"upcast, and read by old programs", upcast(), nil, 1, []string{
				"SeatTaken.guest", "forward", "is upcast",
			}},
			{"downcast until the latest is allowed", downcast(), nil, 0, []string{
				"SeatTaken.guest is downcast", "theatre.SeatTaken: a former version is written until " +
					"aggregates.seat.write is latest",
			}},
			{"downcast, and the latest is allowed", downcast(), []string{
				"--aggregates.seat.write", "latest",
			}, 1, []string{"SeatTaken.guest", "forward"}},
			{"a type dropped that was never written", dropped(), []string{
				"--registry.compatibility-overrides", "theatre.SeatLeft=NONE",
			}, 0, nil},
		} {
			t.Run(h.name+": "+test.name, func(t *testing.T) {
				args := append(append([]string{"check"}, h.flags...), test.flags...)
				expect(t, test.code, test.wants, test.generation, args...)
			})
		}
	}
}

// The members of the JSON are what other programs read.
func TestCheckJSON(t *testing.T) {
	for _, h := range pasts(t) {
		t.Run(h.name, func(t *testing.T) {
			out := expect(t, 1, nil, renamed(), append([]string{"check", "--json"}, h.flags...)...)
			var report struct {
				Against    string
				Compatible bool
				Types      []struct {
					Subject, Type, Kind, Aggregate, Level string
					Versions                              []int
					Latest                                bool
					Breaks                                []struct {
						Version                                     int
						Path, Direction, Kind, Reason, Rule, Remedy string
					}
				}
			}
			decoder := json.NewDecoder(strings.NewReader(out))
			if err := decoder.Decode(&report); err != nil {
				t.Fatalf("%v\n%s", err, out)
			}
			if report.Compatible || !strings.HasPrefix(report.Against, h.name) || len(report.Types) != 5 {
				t.Errorf("got %+v", report)
			}
			taken := report.Types[1]
			if taken.Subject != "theatre.SeatTaken" || taken.Kind != "event" || taken.Aggregate != "seat" ||
				taken.Level != "FULL_TRANSITIVE" || len(taken.Versions) != 1 || taken.Latest ||
				len(taken.Breaks) != 2 {
				t.Fatalf("got %+v", taken)
			}
			if b := taken.Breaks[0]; b.Path != "SeatTaken.visitor" || b.Direction != "backward" ||
				b.Kind != "missing-default" || b.Version != 1 || b.Rule == "" || b.Remedy == "" {
				t.Errorf("got %+v", b)
			}
		})
	}
}

// Without --allow-missing, a registry that lacks a schema is a problem: the program would not start.
func TestCheckOfARegistryThatLacksSchemas(t *testing.T) {
	h := pasts(t)[0]
	registry := h.flags[:2]
	expect(t, 1, []string{"no such schema", "theatre.SeatTaken", "other problems"}, added(),
		append([]string{"check"}, registry...)...)
	expect(t, 0, []string{"5 schemas are in the registry"}, added(),
		append([]string{"register"}, registry...)...)
	expect(t, 0, []string{"5 schemas are compatible with the 6 versions"}, added(),
		append([]string{"check"}, registry...)...)
}

// A wrong change is not registered.
func TestRegisterRefusesBreaks(t *testing.T) {
	h := pasts(t)[0]
	registry := h.flags[:2]
	expect(t, 1, []string{"SeatTaken.visitor"}, renamed(), append([]string{"register"}, registry...)...)
	out := expect(t, 0, nil, first(), append([]string{"list"}, registry...)...)
	if strings.Contains(out, "SeatTaken         2") || strings.Count(out, "theatre.SeatTaken") != 1 {
		t.Errorf("it was registered:\n%s", out)
	}
}

// A released schema is never changed.
func TestFreeze(t *testing.T) {
	folder := t.TempDir()
	expect(t, 0, []string{"5 of 5 schemas are new"}, first(), "freeze", folder)
	expect(t, 0, []string{"0 of 5 schemas are new"}, first(), "freeze", folder)
	expect(t, 0, []string{"theatre.SeatTaken: version 2", "1 of 5 schemas are new"},
		added(), "freeze", folder)
	expect(t, 0, []string{"field-removed"}, first(), "diff", "theatre.SeatTaken",
		"--against", folder)
	path := filepath.Join(folder, "theatre.SeatTaken", "1.avsc")
	if err := os.WriteFile(path, []byte("{}"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{{"freeze", folder}, {"check", "--against", folder}} {
		expect(t, 1, []string{"released schemas were edited", "theatre.SeatTaken/1.avsc was changed"},
			first(), args...)
	}
}

func TestList(t *testing.T) {
	for _, h := range pasts(t) {
		flags := h.flags[:2]
		out := expect(t, 0, []string{"SUBJECT", "theatre.SeatRow", "row", "result"}, dropped(),
			append([]string{"list"}, flags...)...)
		for line := range strings.Lines(out) {
			fields := strings.Fields(line)
			if fields[0] == "theatre.SeatLeft" && fields[len(fields)-1] != "no" ||
				fields[0] == "theatre.SeatTaken" && fields[len(fields)-1] != "current" {
				t.Errorf("got %s", line)
			}
		}
		out = expect(t, 0, nil, added(), append([]string{"list", "--json"}, flags...)...)
		var all struct {
			Schemas []struct {
				Subject, Type      string
				Version, ID        int
				InProgram, Current bool
			}
		}
		if err := json.Unmarshal([]byte(out), &all); err != nil {
			t.Fatal(err)
		}
		if len(all.Schemas) != 5 {
			t.Errorf("got %+v", all.Schemas)
		}
		for _, s := range all.Schemas {
			if s.Version != 1 || !s.InProgram || s.Current == (s.Subject == "theatre.SeatTaken") ||
				(s.ID > 0) != (h.name == "registry") {
				t.Errorf("%s: got %+v", h.name, s)
			}
		}
	}
}

func TestDiff(t *testing.T) {
	for _, h := range pasts(t) {
		diff := func(code int, wants []string, generation processors.Definition, args ...string) {
			expect(t, code, wants, generation, append(append([]string{"diff"}, args...), h.flags[:2]...)...)
		}
		diff(0, []string{"SeatTaken.row: field-added: int (compatible)", "1 changes: compatible"}, added(),
			"theatre.SeatTaken")
		diff(1, []string{"SeatTaken.price: type: int -> long (breaks forward)", "not compatible"}, widened(),
			"theatre.SeatTaken")
		diff(0, []string{"0 changes"}, widened(), "theatre.SeatTaken", "1", "1")
		diff(1, []string{`"from": 1`, `"to": 0`, `"backward": true`, `"compatible": false`}, widened(),
			"theatre.SeatTaken", "--json")
		diff(1, []string{"there is no subject theatre.Nobody"}, first(), "theatre.Nobody")
		diff(1, []string{"has no version 7; it has 1 to 1"}, first(), "theatre.SeatTaken", "7")
		diff(1, []string{`"x" is no version`}, first(), "theatre.SeatTaken", "x")
		diff(1, []string{"the program has no type theatre.SeatLeft"}, dropped(), "theatre.SeatLeft")
	}
}

// A rule that is changed is a new version, and no break: programs of all versions read each other's records.
func TestChangedRule(t *testing.T) {
	fake := srfake.New()
	t.Cleanup(fake.Close)
	registry := []string{"--registry.urls", fake.URL()}
	for version, expr := range []string{"message.price > 0", "message.price > 10"} {
		expect(t, 0, nil, strict(expr), append([]string{"register"}, registry...)...)
		expect(t, 0, nil, strict(expr), append([]string{"check"}, registry...)...)
		expect(t, 0, []string{"theatre.SeatTaken"}, strict(expr), append([]string{"list"}, registry...)...)
		if version == 1 {
			expect(t, 0, []string{
				"rule: price: message.price > 0 (A price.) -> price: message.price > 10 (A price.)",
				"1 changes: compatible",
			}, strict(expr), append([]string{"diff", "theatre.SeatTaken", "1", "2"}, registry...)...)
		}
	}
	expect(t, 0, []string{"rule: price: message.price > 10 (A price.), no more"}, first(),
		append([]string{"diff", "theatre.SeatTaken", "2"}, registry...)...)
}

func TestLint(t *testing.T) {
	expect(t, 0, []string{"0 problems in 5 schemas"}, first(), "lint")
	expect(t, 1, []string{
		"SeatTaken.price (money)", "SeatTaken.takenAt (time)", "SeatTaken.takenAt (field-doc)", "3 problems",
	}, sloppy(), "lint")
	expect(t, 1, []string{`"rule": "money"`}, sloppy(), "lint", "--json")
	expect(t, 0, []string{`"problems": []`}, first(), "lint", "--json")
}
