package html

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"refold/processors"
	"refold/program/operate/catalogue"
)

// Sizes of the diagram, in its own units, which are pixels at full size.
const (
	margin     = 12
	boxHeight  = 30
	boxGap     = 10
	rowGap     = 34
	lineHeight = 17
	charWidth  = 7.3 // of the monospaced font of 12 pixels
	padding    = 12
	columnGap  = 44
	lane       = 12 // between two ways that run side by side
	maxLines   = 12 // of what a process does
)

// diagram is the flow, laid out: aggregates are rows, from their commands to what they write; processes stand
// on the right, and their commands run round below everything back to the left.
type diagram struct {
	Width, Height int
	Boxes         []box
	Ways          []way
}

// box is a node.
type box struct {
	Kind       catalogue.NodeKind
	X, Y, W, H int
	Label      string
	// Lines are what a process does.
	Lines []string
	// Target is the anchor that it leads to; empty if there is none.
	Target string
}

func (b *box) middle() int { return b.Y + b.H/2 }

func (b *box) right() int { return b.X + b.W }

// TextX and TextY are where the label begins, or its middle if it is centered.
func (b box) TextX() int { return b.X + b.W/2 }

// TextY is the base line of the label.
func (b box) TextY() int { return b.Y + boxHeight/2 + 4 }

// LineX is where a process's lines begin.
func (b box) LineX() int { return b.X + padding }

// LineY is the base line of a process's line.
func (b box) LineY(i int) int { return b.Y + boxHeight + lineHeight*(i+1) - 5 }

// RuleY is where a process's title ends.
func (b box) RuleY() int { return b.Y + boxHeight }

// way is an edge.
type way struct {
	D string
	// Arrow is the head, at the end.
	Arrow string
	// Back says that it is the way of a process's commands.
	Back  bool
	Title string
}

// layout finds places.
type layout struct {
	*catalogue.Catalogue
	diagram
	at     map[string]*box // by the ID of the node
	inputs map[string]int  // of a node: how many ways have come in
	order  []string
}

func newDiagram(c *catalogue.Catalogue) diagram {
	l := &layout{Catalogue: c, at: map[string]*box{}, inputs: map[string]int{}}
	flow := c.Flow()
	l.boxes(flow)
	l.place(flow)
	l.ways(flow)
	for _, id := range l.order {
		l.Boxes = append(l.Boxes, *l.at[id])
	}
	return l.diagram
}

func widthOf(text string) int {
	return int(charWidth*float64(utf8.RuneCountInString(text))) + 2*padding
}

// boxes makes the boxes with their sizes.
func (l *layout) boxes(flow catalogue.Flow) {
	for _, n := range flow.Nodes {
		b := &box{Kind: n.Kind, Label: n.Label, W: widthOf(n.Label), H: boxHeight, Target: n.Aggregate}
		switch n.Kind {
		case catalogue.ResultNode:
			b.Target = l.Result.ID()
		case catalogue.ClientNode:
			b.Target = ""
		case catalogue.ProcessNode:
			l.describe(b)
		default:
		}
		l.at[n.ID] = b
		l.order = append(l.order, n.ID)
	}
}

// describe writes into a process's box what it does.
func (l *layout) describe(b *box) {
	b.Target = b.Label
	for i := range l.Processes {
		p := &l.Processes[i]
		if p.Name != b.Label {
			continue
		}
		for n, r := range p.Reactions {
			if n == maxLines {
				b.Lines = append(b.Lines, fmt.Sprintf("and %d more", len(p.Reactions)-n))
				break
			}
			b.Lines = append(b.Lines, reactionText(r))
		}
		b.H += lineHeight * len(b.Lines)
		if len(b.Lines) > 0 {
			b.H += padding / 2
		}
		b.H = max(b.H, boxHeight+lane*(len(p.Results)+len(p.Targets)))
	}
	for _, line := range b.Lines {
		b.W = max(b.W, widthOf(line))
	}
}

func reactionText(r processors.Reaction) string {
	on := r.On
	if r.Outcome != "" {
		on += " " + r.Outcome
	}
	return on + " → " + r.Command
}

// place puts boxes into columns, and aggregates into rows.
func (l *layout) place(flow catalogue.Flow) {
	width := map[catalogue.NodeKind]int{}
	for _, n := range flow.Nodes {
		width[n.Kind] = max(width[n.Kind], l.at[n.ID].W)
	}
	back, in := 0, 0
	for _, e := range flow.Edges {
		switch {
		case l.at[e.From].Kind == catalogue.ProcessNode:
			back++
		case l.at[e.To].Kind == catalogue.ProcessNode:
			in++
		}
	}
	out := max(width[catalogue.EventNode], width[catalogue.ResultNode], width[catalogue.TableNode])
	x := map[catalogue.NodeKind]int{catalogue.ClientNode: margin}
	x[catalogue.CommandNode] = margin + width[catalogue.ClientNode] + columnGap + lane*back
	x[catalogue.AggregateNode] = x[catalogue.CommandNode] + width[catalogue.CommandNode] + columnGap
	x[catalogue.EventNode] = x[catalogue.AggregateNode] + width[catalogue.AggregateNode] + columnGap
	x[catalogue.ResultNode], x[catalogue.TableNode] = x[catalogue.EventNode], x[catalogue.EventNode]
	x[catalogue.ProcessNode] = x[catalogue.EventNode] + out + columnGap + lane*in
	for _, n := range flow.Nodes {
		b := l.at[n.ID]
		b.X = x[n.Kind]
		switch n.Kind {
		case catalogue.EventNode, catalogue.ResultNode, catalogue.TableNode:
			b.W = out
		default:
			b.W = width[n.Kind]
		}
	}
	rows, right := l.rows(), x[catalogue.EventNode]+out
	column := l.column(rows)
	if len(l.Processes) > 0 {
		right = x[catalogue.ProcessNode] + width[catalogue.ProcessNode] + lane*back + lane
	}
	l.Width = right + margin
	l.Height = max(rows, column) + lane*(back+1) + margin
	clients := l.at["clients"]
	clients.Y = (margin+rows)/2 - boxHeight/2
}

// rows places the aggregates one below the other, and returns where they end.
func (l *layout) rows() int {
	y := margin
	for i := range l.Aggregates {
		name, top := l.Aggregates[i].Name, y
		for _, kind := range []catalogue.NodeKind{
			catalogue.EventNode, catalogue.ResultNode, catalogue.TableNode,
		} {
			if b := l.at[catalogue.NodeID(name, kind)]; b != nil {
				b.Y = y
				y += boxHeight + boxGap
			}
		}
		middle := (top + y - boxGap) / 2
		for _, kind := range []catalogue.NodeKind{catalogue.CommandNode, catalogue.AggregateNode} {
			l.at[catalogue.NodeID(name, kind)].Y = middle - boxHeight/2
		}
		y += rowGap - boxGap
	}
	return y - rowGap
}

// column places the processes one below the other beside the rows, and returns where they end.
func (l *layout) column(rows int) int {
	height := -rowGap
	for i := range l.Processes {
		height += l.at[catalogue.NodeID(l.Processes[i].Name, catalogue.ProcessNode)].H + rowGap
	}
	y := max(margin, (margin+rows-height)/2)
	for i := range l.Processes {
		b := l.at[catalogue.NodeID(l.Processes[i].Name, catalogue.ProcessNode)]
		b.Y = y
		y += b.H + rowGap
	}
	return y - rowGap
}

// ways draws the edges. Those that share a gap are in an order in which few of them cross.
func (l *layout) ways(flow catalogue.Flow) {
	var in, back []catalogue.Edge
	clientLane := l.at["clients"].right() + lane
	for _, e := range flow.Edges {
		from, to := l.at[e.From], l.at[e.To]
		switch {
		case from.Kind == catalogue.ProcessNode:
			back = append(back, e)
		case to.Kind == catalogue.ProcessNode:
			in = append(in, e)
		case from.Kind == catalogue.ClientNode:
			l.way(e, from.right(), from.middle(), clientLane, to.middle())
		default:
			l.way(e, from.right(), from.middle(), to.X-columnGap/2, to.middle())
		}
	}
	l.waysIn(in)
	l.waysBack(back)
}

// waysIn draws the ways into processes: from above, the upper one ends above, and turns down further right.
func (l *layout) waysIn(edges []catalogue.Edge) {
	slices.SortStableFunc(edges, func(a, b catalogue.Edge) int {
		return cmp.Or(cmp.Compare(l.at[a.To].Y, l.at[b.To].Y), cmp.Compare(l.at[a.From].Y, l.at[b.From].Y))
	})
	for i, e := range edges {
		from, to := l.at[e.From], l.at[e.To]
		port := to.Y + boxHeight/2 + lane*l.inputs[e.To]
		l.inputs[e.To]++
		turn := to.X - columnGap/2 - lane*i
		if from.middle() > port {
			turn = to.X - columnGap/2 - lane*(len(edges)-1-i)
		}
		l.way(e, from.right(), from.middle(), turn, port)
	}
}

// waysBack draws the ways of processes' commands: the one to the lowest aggregate is the innermost.
func (l *layout) waysBack(edges []catalogue.Edge) {
	floor := 0
	for _, b := range l.at {
		floor = max(floor, b.Y+b.H)
	}
	slices.SortStableFunc(edges, func(a, b catalogue.Edge) int {
		return cmp.Compare(l.at[b.To].Y, l.at[a.To].Y)
	})
	leaving := map[string]int{}
	for i, e := range edges {
		from, to, side := l.at[e.From], l.at[e.To], lane*(i+1)
		leaving[e.From]++
		l.way(e, from.right(), from.Y+from.H-lane*leaving[e.From], from.right()+side, floor+side,
			to.X-side, to.middle()+l.port(e.To))
	}
}

// way draws an edge: from a point on to an x, a y, and so on, and at last to its end.
func (l *layout) way(e catalogue.Edge, turns ...int) {
	from, to := l.at[e.From], l.at[e.To]
	title := cmp.Or(strings.Join(e.Types, ", "), "all records")
	l.Ways = append(l.Ways, way{
		D: path(turns, to.X-arrowLength), Arrow: arrow(to.X, turns[len(turns)-1]),
		Back:  from.Kind == catalogue.ProcessNode,
		Title: from.Label + " → " + to.Label + ": " + title,
	})
}

// port returns how far below the middle of a box the next way of a process comes in.
func (l *layout) port(id string) int {
	const first, step = 7, 4
	n := l.inputs[id]
	l.inputs[id]++
	return min(first+step*n, boxHeight/2-2)
}
