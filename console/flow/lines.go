package flow

import (
	"fmt"
	"strings"
)

// Point is a place in the picture.
type Point struct{ X, Y int }

// Line is an edge with its place. It begins at the side of one box, and ends at that of another.
type Line struct {
	Edge

	// Curved says that the two points in the middle are those of a Bézier curve; otherwise the line goes
	// straight from each point to the next.
	Curved bool
	Points []Point
}

// D is the line as SVG's paths are written.
func (l *Line) D() string {
	var b strings.Builder
	for i, p := range l.Points {
		switch {
		case i == 0:
			b.WriteByte('M')
		case i == 1 && l.Curved:
			b.WriteByte('C')
		case !l.Curved:
			b.WriteByte('L')
		default:
			b.WriteByte(' ')
		}
		fmt.Fprintf(&b, "%d %d", p.X, p.Y)
	}
	return b.String()
}

// Where lines leave a box and come to it, from its middle.
const (
	clientsOff = -8 // to a topic of commands
	sendsOff   = 10 // the same, from a process
	leaveOff   = -24
	discardOff = 32
	discardFew = 7 // from the gutter's left
)

// lines draws all edges.
func (d *drawing) lines() {
	for _, e := range d.graph.Edges {
		from, to := d.boxes[e.From], d.boxes[e.To]
		line := Line{Edge: e}
		switch {
		case e.Kind == Sends:
			line.Points = d.back(from, to)
		case e.Kind == Discard:
			line.Points = aside(from, to)
		case from.Kind == KindClients:
			y := to.middle() + clientsOff
			line.Points = []Point{{from.right(), y}, {to.X, y}}
		default:
			a, b, bend := Point{from.right(), from.middle()}, Point{to.X, to.middle()}, gutter/2
			line.Curved = true
			line.Points = []Point{a, {a.X + bend, a.Y}, {b.X - bend, b.Y}, b}
		}
		d.picture.Lines = append(d.picture.Lines, line)
	}
}

// back leads from a process over a lane above everything to the commands on the left. Each process has a lane
// of its own.
func (d *drawing) back(from, to *Box) []Point {
	lane := 0
	for i, b := range d.senders {
		if b == from {
			lane = i
		}
	}
	apart := min(7, (gutter-24)/max(1, len(d.senders)))
	right, left := from.right()+gutter-12-lane*apart, to.X-14-lane*apart
	out, in := from.middle()+leaveOff, to.middle()+sendsOff
	above := margin + headRoom + lane*laneEvery - laneEvery/2
	return []Point{{from.right(), out}, {right, out}, {right, above}, {left, above}, {left, in}, {to.X, in}}
}

// aside leads to the dead letters, which are below everything else, by a line that all in a column share.
func aside(from, to *Box) []Point {
	x, out, in := from.right()+discardFew, from.middle()+discardOff, to.middle()
	end := to.right()
	if from.X < to.X {
		end = to.X
	}
	return []Point{{from.right(), out}, {x, out}, {x, in}, {end, in}}
}
