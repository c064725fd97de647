package flow

import (
	"fmt"
	"strings"
	"time"

	"refold/console/frame"
	"refold/console/words"
)

// Item is something that needs attention.
type Item struct {
	Kind         frame.PillKind
	Word         string // of the state
	Text, Detail string
	Path         string // of the page about it; empty: there is none
}

// The pages about what needs attention.
var (
	partitionsPath = frame.Path("operations", "partitions")
	readModelsPath = frame.Path("operations", "read-models")
	lettersPath    = frame.Path("dead-letters")
)

// needy is how old the oldest record that waits must be to be told of.
const needy = time.Minute

// detailBytes limits a detail: errors may quote their input.
const detailBytes = 400

// attention lists what needs attention, the worst first.
func attention(g *Graph, now *Sample) (items []Item) {
	for _, n := range g.Nodes {
		if r := now.Readers[n.ID]; r.Held > 0 {
			items = append(items, Item{
				Kind: frame.Bad, Word: "held", Path: pathOf(n),
				Text: called(n) + " holds " + words.Plural(int64(r.Held), "partition", "partitions") +
					" in this pod: nothing more of it is handled",
			})
		}
	}
	for _, p := range now.Pods {
		items = append(items, ofPod(p)...)
	}
	if n := now.Letters.Count; n > 0 {
		items = append(items, Item{
			Kind: frame.Bad, Word: "dead letters", Path: lettersPath,
			Text: words.Plural(n, "record was", "records were") + " set aside within the last hour",
		})
	}
	for _, n := range g.Nodes {
		items = append(items, ofLate(n, now)...)
	}
	for _, r := range now.Rebuilds {
		text := "A rebuild of " + r.What + " is on its way"
		if r.Done >= 0 {
			text += ": " + percent(r.Done)
		}
		items = append(items, Item{Kind: frame.Wait, Word: "rebuild", Text: text, Path: r.Path})
	}
	if len(now.Missing) > 0 {
		items = append(items, Item{
			Kind: frame.Warn, Word: "not known", Text: "Not everything could be measured",
			Detail: short(strings.Join(now.Missing, "; ")),
		})
	}
	return items
}

func ofPod(p Pod) (items []Item) {
	name := p.Name
	if p.Here {
		name = "This pod"
	}
	if p.Fault != "" {
		return []Item{{
			Kind: frame.Warn, Word: "no answer", Text: name + " does not say whether it is ready",
			Detail: short(p.Fault), Path: partitionsPath,
		}}
	}
	for _, c := range p.Wrong {
		path := partitionsPath
		if c.Name == "projections" {
			path = readModelsPath
		}
		items = append(items, Item{
			Kind: frame.Bad, Word: "not ready", Path: path,
			Text: name + " is not ready: " + c.Name, Detail: short(c.Detail),
		})
	}
	return items
}

// ofLate tells of records that have waited for too long, of readers without workers, and of read models that
// are being filled.
func ofLate(n *Node, now *Sample) (items []Item) {
	r, is := now.Readers[n.ID]
	if !is || r.Off != "" {
		return nil
	}
	if r.Counted && r.Workers == 0 && r.Filling < 0 {
		items = append(items, Item{
			Kind: frame.Bad, Word: "no worker", Text: "No worker runs " + lower(called(n)), Path: pathOf(n),
		})
	}
	if age := r.age(now.Time); age >= needy && r.Held == 0 {
		what := "record has"
		if n.Kind == KindAggregate {
			what = "command has"
		}
		items = append(items, Item{
			Kind: frame.Warn, Word: "late", Path: pathOf(n),
			Text: fmt.Sprintf("%s is behind: the oldest %s waited for %s, of %s", called(n), what,
				old(age), words.Count(r.Waiting)),
		})
	}
	if n.Kind == KindProjection && r.Filling >= 0 {
		items = append(items, Item{
			Kind: frame.Wait, Word: "fills", Path: readModelsPath,
			Text: "A build of " + lower(called(n)) + " is being filled: " + percent(r.Filling),
		})
	}
	return items
}

// pathOf is the page about what is wrong with a reader.
func pathOf(n *Node) string {
	if n.Kind == KindProjection {
		return readModelsPath
	}
	return partitionsPath
}

// called is what a node is called at the beginning of a sentence.
func called(n *Node) string {
	if n.Kind == KindAggregate {
		return "The aggregate " + n.Name
	}
	return "The " + string(n.Kind) + " " + n.Name
}

func lower(sentence string) string { return strings.ToLower(sentence[:1]) + sentence[1:] }

func short(text string) string {
	if len(text) <= detailBytes {
		return text
	}
	return strings.ToValidUTF8(text[:detailBytes], "") + "…"
}

// empty reports whether nothing has happened yet: no aggregate has an event, or a command.
func empty(g *Graph, now *Sample) bool {
	for _, n := range g.Nodes {
		if n.Kind == KindCommands || n.Kind == KindEvents {
			if end, is := now.Ends[n.Name]; !is || end > 0 {
				return false
			}
		}
	}
	return true
}
