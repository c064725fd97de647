package views

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// messages reads messages, one a line: "MILLISECONDS KIND ID of CAUSE". Places count up by kind. The
// aggregate is what the ID or, of commands, the word after "to" says.
func messages(t *testing.T, text string) []Message {
	t.Helper()
	var all []Message
	for line := range strings.SplitSeq(strings.TrimSpace(text), "\n") {
		var m Message
		var milliseconds int64
		words := strings.Fields(line)
		if _, err := fmt.Sscan(words[0], &milliseconds); err != nil {
			t.Fatal(err)
		}
		m.Time = time.UnixMilli(milliseconds)
		m.Kind = map[string]Kind{
			"command": KindCommand, "event": KindEvent, "result": KindResult, "dead": KindDeadLetter,
		}[words[1]]
		m.ID = words[2]
		m.Place = Place{Topic: words[1], Offset: int64(len(all))}
		for i := 3; i+1 < len(words); i += 2 {
			switch words[i] {
			case "of":
				m.CausationID = words[i+1]
			case "in":
				m.Aggregate, m.Subject, _ = strings.Cut(words[i+1], ":")
			case "was":
				m.Origin.Topic = "command"
				if _, err := fmt.Sscan(words[i+1], &m.Origin.Offset); err != nil {
					t.Fatal(err)
				}
			}
		}
		all = append(all, m)
	}
	return all
}

// drawn is a forest as text: a line a message, indented; "?" marks orphans, "*" repeats.
func drawn(roots []*Node) string {
	var b strings.Builder
	var draw func(nodes []*Node, depth int)
	draw = func(nodes []*Node, depth int) {
		for _, n := range nodes {
			b.WriteString(strings.Repeat("  ", depth) + n.Kind.String() + " " + n.ID)
			if n.Orphan {
				b.WriteString(" ?")
			}
			if n.Repeated {
				b.WriteString(" *")
			}
			b.WriteString("\n")
			draw(n.Children, depth+1)
		}
	}
	draw(roots, 0)
	return strings.TrimSpace(b.String())
}

func TestTreeOf(t *testing.T) {
	for name, test := range map[string]struct{ messages, want string }{
		"a command alone": {`1 command c in account:a`, `command c`},
		"an account's command": {
			`
			1 command c in account:a
			2 event a/1 of c in account:a
			2 event a/2 of c in account:a
			2 result c/result of c in account:a`, `
command c
  event a/1
  event a/2
  result c/result`,
		},
		"within a millisecond, in any order of topics": {
			`
			1 result c/result of c in account:a
			1 event a/1 of c in account:a
			1 command c in account:a`, `
command c
  event a/1
  result c/result`,
		},
		"an order and its payment": {
			`
			1 command c in order:o-1
			2 event o-1/1 of c in order:o-1
			2 result c/result of c in order:o-1
			3 command o-1/1/pay.0 of o-1/1 in account:a
			4 event a/7 of o-1/1/pay.0 in account:a
			4 result o-1/1/pay.0/result of o-1/1/pay.0 in account:a
			5 command o-1/1/pay.0/result/pay.0 of o-1/1/pay.0/result in order:o-1
			6 event o-1/2 of o-1/1/pay.0/result/pay.0 in order:o-1
			6 result o-1/1/pay.0/result/pay.0/result of o-1/1/pay.0/result/pay.0 in order:o-1`, `
command c
  event o-1/1
    command o-1/1/pay.0
      event a/7
      result o-1/1/pay.0/result
        command o-1/1/pay.0/result/pay.0
          event o-1/2
          result o-1/1/pay.0/result/pay.0/result
  result c/result`,
		},
		"an order and an account of one name have events of one ID": {
			`
			1 command c in order:x
			2 event x/1 of c in order:x
			3 command x/1/pay.0 of x/1 in account:x
			4 event x/1 of x/1/pay.0 in account:x
			5 command x/1/back.0 of x/1 in order:x`, `
command c
  event x/1
    command x/1/pay.0
      event x/1
        command x/1/back.0`,
		},
		"sent twice": {
			`
			1 command c in account:a
			2 event a/1 of c in account:a
			2 result c/result of c in account:a
			8 command c in account:a
			9 result c/result of c in account:a`, `
command c
  event a/1
  result c/result
command c *
  result c/result *`,
		},
		"one ID, three aggregates": {
			`
			1 command c in account:a
			1 command c in account:b
			1 command c in order:a
			2 event a/1 of c in account:a
			2 result c/result of c in account:a
			3 event b/1 of c in account:b
			3 result c/result of c in order:a
			4 result c/result of c in account:gone`, `
command c
  event a/1
  result c/result
command c
  event b/1
command c
  result c/result
result c/result ?`,
		},
		"set aside and replayed": {
			`
			1 command c in account:a
			2 dead c in account:a was 0
			8 command c in account:a
			9 event a/1 of c in account:a
			9 result c/result of c in account:a`, `
command c
  dead-letter c
command c
  event a/1
  result c/result`,
		},
		"a process's dead letter": {
			`
			1 command c in order:o
			2 event o/1 of c in order:o
			3 dead o/1 in order:o was 99`, `
command c
  event o/1
    dead-letter o/1`,
		},
		"causes that are gone": {
			`
			2 event a/1 of c in account:a
			2 result c/result of c in account:a
			3 command a/1/p.0 of a/1 in order:o
			4 command b/1/p.0 of b/1 in order:o
			5 dead d in account:a was 99`, `
event a/1 ?
  command a/1/p.0
result c/result ?
command b/1/p.0 ?
dead-letter d ?`,
		},
		"a command of itself": {`1 command c of c in account:a`, `command c`},
		"each other's cause": {
			`
			1 command c of a/1 in account:a
			2 event a/1 of c in account:a
			3 result c/result of c in account:a`, `
command c ?
  event a/1
  result c/result`,
		},
		"a command of a command": {
			`
			1 command c in account:a
			2 command d of c in order:o`, `
command c
  command d`,
		},
	} {
		t.Run(name, func(t *testing.T) {
			got := drawn(treeOf(messages(t, test.messages)))
			if want := strings.TrimSpace(test.want); got != want {
				t.Errorf("got\n%s\nwant\n%s", got, want)
			}
		})
	}
}

// Whatever messages claim: each is in the tree exactly once, siblings are in order, and the tree
// does not depend on the order in which the topics gave them.
func TestTreeOfAnything(t *testing.T) {
	ids := rapid.SampledFrom([]string{"", "a", "b", "c", "a/1", "b/1", "a/result", "a/1/p.0"})
	message := rapid.Custom(func(t *rapid.T) Message {
		return Message{
			Kind: Kind(rapid.IntRange(1, 4).Draw(t, "kind")), ID: ids.Draw(t, "id"),
			CausationID: ids.Draw(t, "cause"), Repeated: rapid.Bool().Draw(t, "repeated"),
			Aggregate: rapid.SampledFrom([]string{"order", "account"}).Draw(t, "aggregate"),
			Subject:   rapid.SampledFrom([]string{"a", "b"}).Draw(t, "subject"),
			Time:      time.UnixMilli(rapid.Int64Range(0, 3).Draw(t, "time")),
			Origin:    Place{"topic", 0, rapid.Int64Range(0, 9).Draw(t, "origin")},
		}
	})
	rapid.Check(t, func(t *rapid.T) {
		all := rapid.SliceOfN(message, 0, 12).Draw(t, "messages")
		for i := range all {
			all[i].Place = Place{"topic", 0, int64(i)}
		}
		roots := treeOf(all)
		seen := make(map[Place]int)
		var visit func(nodes []*Node, depth int)
		visit = func(nodes []*Node, depth int) {
			if depth > len(all) {
				t.Fatal("the tree has no end")
			}
			for i, n := range nodes {
				seen[n.Place]++
				if i > 0 && inOrder(nodes[i-1].Message, n.Message) > 0 {
					t.Fatalf("siblings are out of order:\n%s", drawn(roots))
				}
				if n.Orphan && depth > 0 {
					t.Fatalf("an orphan has a parent:\n%s", drawn(roots))
				}
				visit(n.Children, depth+1)
			}
		}
		visit(roots, 0)
		for _, m := range all {
			if seen[m.Place] != 1 {
				t.Fatalf("%+v is there %d times:\n%s", m, seen[m.Place], drawn(roots))
			}
		}
		shuffled := rapid.Permutation(all).Draw(t, "order")
		if got := drawn(treeOf(shuffled)); got != drawn(roots) {
			t.Fatalf("in another order\n%s\nis\n%s", drawn(roots), got)
		}
	})
}

// Whatever bytes an entry is read from: nothing breaks, and what is read is written the same.
func FuzzTraceEntry(f *testing.F) {
	f.Add([]byte(nil))
	f.Add((&traceEntry{id: "a", time: time.UnixMilli(5), value: []byte("x"), repeated: true}).encode())
	f.Fuzz(func(t *testing.T, b []byte) {
		e, err := decodeTraceEntry(b)
		if err != nil {
			return
		}
		again, err := decodeTraceEntry(e.encode())
		if err != nil || fmt.Sprintf("%+v", again) != fmt.Sprintf("%+v", e) {
			t.Errorf("%+v is read again as %+v, %v", e, again, err)
		}
	})
}
