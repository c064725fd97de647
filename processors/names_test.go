package processors_test

import (
	"strings"
	"testing"

	"refold/processors"
)

func TestNames(t *testing.T) {
	accounts := processors.AggregateName{Name: "account", Plural: "accounts"}
	good := processors.Names{
		Prefix: "Test_1.", Processes: []string{"order-payments"},
		Aggregates: []processors.AggregateName{accounts, {"sheep", "sheep"}, {"order-book2", "order-books"}},
	}
	if err := good.Check(); err != nil {
		t.Error(err)
	}
	long := strings.Repeat("x", 241)
	for name, test := range map[string]struct {
		names processors.Names
		want  []string
	}{
		"none": {aggregate("", ""), []string{`aggregate 1 ("") is called ""`, "such as order-book"}},
		"no part of a path": {aggregate("a/b", "a b"), []string{
			`"a/b"`, `aggregate 1 ("a/b") in the plural is called "a b"`,
		}},
		"not for a topic":  {aggregate("ä", "Ä"), []string{`"ä"`, `"Ä"`}},
		"described as one": {aggregate("a1b", "a-1b"), []string{`"a-1b"`}},
		"ends with a dash": {aggregate("a-", "b--c"), []string{`"a-"`, `"b--c"`}},
		"two of a name": {
			aggregate("account", "banks", accounts), []string{`"account", and so is aggregate 1`},
		},
		"plural is another's singular": {
			aggregate("bank", "account", accounts), []string{`in the plural is called "account", and so is`},
		},
		"a process like an aggregate": {
			processors.Names{
				Aggregates: []processors.AggregateName{accounts}, Processes: []string{"accounts"},
			},
			[]string{`process 1 is called "accounts", and so is aggregate 1`},
		},
		"a process with a slash": {
			processors.Names{Processes: []string{"a/b", "a.b"}}, []string{`"a/b"`, `"a.b"`},
		},
		"a process like the group of a reaction": {
			processors.Names{Processes: []string{"reaction-hook"}, Reactions: []string{"hook"}},
			[]string{`the group of reaction "hook" is called "reaction-hook", and so is process 1`},
		},
		"an aggregate like the group of a reaction": {
			processors.Names{
				Aggregates: []processors.AggregateName{{"x", "reaction-hook"}}, Reactions: []string{"hook"},
			},
			[]string{`"reaction-hook", and so is aggregate 1 ("x")`},
		},
		"a reaction too long by the prefix": {
			processors.Names{Prefix: long[:140], Reactions: []string{long[:92]}}, []string{"at most 100"},
		},
		"two processes": {
			processors.Names{Processes: []string{"a", "a"}}, []string{`process 2 is called "a"`},
		},
		"too long": {aggregate("x", long), []string{"241 characters", "at most 240"}},
		"too long by its prefix": {
			processors.Names{Prefix: "ab", Processes: []string{long[:239]}}, []string{"at most 238"},
		},
		"prefix": {processors.Names{Prefix: "a/"}, []string{`the prefix of topics is "a/"`}},
	} {
		t.Run(name, func(t *testing.T) {
			err := test.names.Check()
			if err == nil {
				t.Fatal("nothing is wrong")
			}
			for _, want := range test.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("got %v, want it to say %s", err, want)
				}
			}
		})
	}
	for _, name := range []string{
		"views", "rebuilds", "refolds", "admin", "internal", "commands", "traces", "events", "metrics",
	} {
		err := aggregate("x", name).Check()
		if err == nil || !strings.Contains(err.Error(), "server itself") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func aggregate(name, plural string, others ...processors.AggregateName) processors.Names {
	return processors.Names{Aggregates: append(others, processors.AggregateName{Name: name, Plural: plural})}
}
