package flow

import (
	"strconv"
	"strings"

	"github.com/a-h/templ"

	"refold/client/wire"
	"refold/console/frame"
)

// cell is a place in the page with a figure in it.
type cell struct {
	target  string // the ID of its element
	content templ.Component
}

// The places of a node's figures: in the picture, and in the columns of the table.
func pictureID(n *Node) string { return "f" + strconv.Itoa(n.Index) }
func stateID(n *Node) string   { return "s" + strconv.Itoa(n.Index) }
func rateID(n *Node) string    { return "r" + strconv.Itoa(n.Index) }
func waitingID(n *Node) string { return "w" + strconv.Itoa(n.Index) }
func workersID(n *Node) string { return "o" + strconv.Itoa(n.Index) }

// cellsOf are the places of a node with what is in them.
func cellsOf(n *Node, f Figures) []cell {
	cells := []cell{{pictureID(n), pictured(n, f)}, {rateID(n), plain(f.Rate)}}
	if n.Kind.works() {
		cells = append(cells, cell{stateID(n), state(f)}, cell{waitingID(n), plain(f.Waiting)},
			cell{workersID(n), staff(f)})
	}
	if n.Kind == KindDeadLetters {
		cells = append(cells, cell{stateID(n), state(f)})
	}
	return cells
}

// mark is the sign of a state, as in frame.Pill.
func mark(k frame.PillKind) string {
	switch k {
	case frame.Good:
		return "✓ "
	case frame.Bad:
		return "✕ "
	case frame.Warn:
		return "! "
	case frame.Wait:
		return "… "
	case frame.Plain:
	}
	return ""
}

// wordAt is where the word of a node's state stands in its box: below the name, if there is room.
func wordAt(n *Node) string {
	if n.Kind.works() {
		return "30"
	}
	return "13"
}

// class is the kind of a box, for the style.
func (b *Box) class() string { return strings.ReplaceAll(string(b.Kind), " ", "-") }

// focusID is the ID of what is in the middle, empty if everything is shown.
func (s *shown) focusID() string {
	if s.focus == nil {
		return ""
	}
	return s.focus.ID
}

func number(n int) string { return strconv.Itoa(n) }

// focusPath leads to the page with a node in the middle.
func focusPath(n *Node) string { return frame.With(frame.Root+"/", "focus", n.ID) }

// path is where a node in the picture leads: to itself in the middle; if it is there, to the page about it.
func (s *shown) path(n *Node) string {
	switch {
	case n.Kind == KindDeadLetters:
		return lettersPath
	case s.focus != n:
		return focusPath(n)
	case n.Kind == KindAggregate:
		return frame.Path(n.Plural)
	case n.Kind == KindProjection || n.Kind == KindStore:
		return readModelsPath
	}
	return partitionsPath
}

// says is what a node is, for whoever can't see the shape.
func says(n *Node) string {
	switch n.Kind {
	case KindClients:
		return "Clients of the API that send commands"
	case KindOutside:
		return "The world outside, to which reactions send events"
	case KindCommands, KindEvents, KindResults, KindTable:
		return "Topic " + n.Name + ", the " + string(n.Kind) + " of " + n.Of
	case KindDeadLetters:
		return "Topic " + n.Name + ", records that could not be handled"
	case KindAggregate, KindProcess, KindProjection, KindReaction, KindStore:
	}
	return capital(string(n.Kind)) + " " + n.Name
}

// readers are the nodes of workers that are shown, topics the others that have figures.
func (s *shown) readers() []*Node { return s.those(Kind.works) }
func (s *shown) topics() []*Node  { return s.those(Kind.IsTopic) }

func (s *shown) those(of func(Kind) bool) (found []*Node) {
	for _, n := range s.graph.Nodes {
		if of(n.Kind) {
			found = append(found, n)
		}
	}
	return found
}

// from are the nodes that lead to one, to those that it leads to, in the whole program.
func (s *shown) from(n *Node) (found []*Node) {
	for _, e := range s.whole.Edges {
		if e.To == n.ID {
			found = append(found, s.whole.Node(e.From))
		}
	}
	return found
}

func (s *shown) to(n *Node) (found []*Node) {
	for _, e := range s.whole.Edges {
		if e.From == n.ID && e.Kind != Discard {
			found = append(found, s.whole.Node(e.To))
		}
	}
	return found
}

// first is the aggregate that a first command may be sent to; nil: none.
func (s *shown) first() *Node {
	for _, n := range s.whole.Nodes {
		if n.Sendable {
			return n
		}
	}
	return nil
}

// sendPath leads to the form that sends a first command.
func sendPath(n *Node) string {
	return frame.Path(n.Plural) + "/" + wire.Segment(n.Name+"-1") + "/send"
}

func capital(word string) string { return string(word[0]-'a'+'A') + word[1:] }
