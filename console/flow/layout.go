package flow

import (
	"cmp"
	"slices"
)

// Sizes of the picture, in CSS pixels.
const (
	margin    = 8
	headRoom  = 26 // for the heads of the columns
	gutter    = 48 // between columns
	rowGap    = 12
	bandGap   = 22 // between aggregates
	topicH    = 44
	workerH   = 96
	boxW      = 172
	clientsW  = 76
	storesW   = 124
	laneEvery = 8 // between the lanes above, on which processes send commands
)

// The columns, from left to right.
const (
	columnClients = iota
	columnCommands
	columnAggregates
	columnTopics
	columnReaders
	columnStores
	columns
)

var heads = [columns]string{
	"", "Commands", "Aggregates", "Events, results, tables", "Processes and readers", "Stores",
}

func columnOf(k Kind) int {
	switch k {
	case KindClients:
		return columnClients
	case KindCommands:
		return columnCommands
	case KindAggregate:
		return columnAggregates
	case KindEvents, KindResults, KindTable, KindDeadLetters:
		return columnTopics
	case KindProcess, KindProjection, KindReaction:
		return columnReaders
	case KindStore, KindOutside:
	}
	return columnStores
}

// Box is a node with its place.
type Box struct {
	*Node

	X, Y, W, H int
}

func (b *Box) right() int  { return b.X + b.W }
func (b *Box) bottom() int { return b.Y + b.H }
func (b *Box) middle() int { return b.Y + b.H/2 }

// Head is the head of a column.
type Head struct {
	X    int // its middle
	Text string
}

// Picture is a graph with a place for everything.
type Picture struct {
	Width, Height int
	Heads         []Head
	Boxes         []*Box // in the order of the graph's nodes
	Lines         []Line
}

// Draw gives each node and each edge of a graph its place. The same graph makes the same picture.
func Draw(g *Graph) *Picture {
	d := &drawing{graph: g, boxes: make(map[string]*Box, len(g.Nodes)), picture: &Picture{}}
	for _, n := range g.Nodes {
		b := &Box{Node: n, W: boxW, H: topicH}
		switch {
		case n.Kind.works():
			b.H = workerH
		case n.Kind == KindClients:
			b.W = clientsW
		case n.Kind == KindStore || n.Kind == KindOutside:
			b.W = storesW
		}
		d.boxes[n.ID] = b
		d.picture.Boxes = append(d.picture.Boxes, b)
		d.columns[columnOf(n.Kind)] = append(d.columns[columnOf(n.Kind)], b)
	}
	d.across()
	d.down()
	d.lines()
	return d.picture
}

type drawing struct {
	graph   *Graph
	boxes   map[string]*Box
	columns [columns][]*Box
	senders []*Box // processes that send commands; each has a lane
	picture *Picture
}

// across puts the columns beside each other. An empty one takes no room.
func (d *drawing) across() {
	for _, b := range d.columns[columnReaders] {
		sends := func(e Edge) bool { return e.From == b.ID && e.Kind == Sends }
		if slices.ContainsFunc(d.graph.Edges, sends) {
			d.senders = append(d.senders, b)
		}
	}
	x := margin
	if len(d.senders) > 0 && len(d.columns[columnClients]) == 0 {
		x += gutter // for the lines that come back
	}
	for i, boxes := range d.columns {
		if len(boxes) == 0 {
			continue
		}
		for _, b := range boxes {
			b.X = x
		}
		if heads[i] != "" {
			d.picture.Heads = append(d.picture.Heads, Head{x + boxes[0].W/2, heads[i]})
		}
		x += boxes[0].W + gutter
	}
	d.picture.Width = x - gutter + margin
	if len(d.columns[columnStores]) == 0 {
		d.picture.Width += gutter // for the lines to the right of the readers
	}
}

// down puts the boxes below each other: a band for each aggregate with its topics, and the others as near as
// possible to what they read.
func (d *drawing) down() {
	top := margin + headRoom + laneEvery*len(d.senders)
	bottom := d.bands(top)
	for _, column := range []int{columnReaders, columnStores} {
		d.nearTo(column, top)
		for _, b := range d.columns[column] {
			bottom = max(bottom, b.bottom())
		}
	}
	if clients := d.boxes[ClientsID]; clients != nil {
		clients.Y, clients.H = top, workerH
		if all := d.columns[columnCommands]; len(all) > 0 {
			clients.Y = all[0].Y
			clients.H = all[len(all)-1].bottom() - clients.Y
		}
		bottom = max(bottom, clients.bottom())
	}
	if letters := d.boxes[DeadLettersID]; letters != nil {
		letters.Y = top
		if len(d.graph.Nodes) > 1 {
			letters.Y = bottom + bandGap
		}
		bottom = letters.bottom()
	}
	d.picture.Height = max(bottom, top) + margin
}

// bands puts commands, aggregates and their topics below each other, and returns where they end.
func (d *drawing) bands(y int) (bottom int) {
	bottom = y
	for _, name := range d.aggregates() {
		var beside []*Box // the aggregate and its commands
		var topics []*Box
		height := 0
		for _, b := range d.picture.Boxes {
			switch {
			case b.Kind == KindAggregate && b.Name == name, b.Kind == KindCommands && b.Of == name:
				beside = append(beside, b)
				height = max(height, b.H)
			case b.Of == name && columnOf(b.Kind) == columnTopics:
				topics = append(topics, b)
			}
		}
		stack := len(topics)*(topicH+rowGap) - rowGap
		height = max(height, stack)
		for i, b := range topics {
			b.Y = y + (height-stack)/2 + i*(topicH+rowGap)
		}
		for _, b := range beside {
			b.Y = y + (height-b.H)/2
		}
		bottom = y + height
		y = bottom + bandGap
	}
	return bottom
}

// aggregates are the names of those that have a band, in the order of the graph.
func (d *drawing) aggregates() (names []string) {
	for _, b := range d.picture.Boxes {
		name := b.Of
		if b.Kind == KindAggregate {
			name = b.Name
		}
		if name != "" && !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	return names
}

// nearTo puts the boxes of a column beside what leads to them, in that order, so that as few lines as
// possible cross.
func (d *drawing) nearTo(column, top int) {
	boxes := d.columns[column]
	wanted := make(map[string]int, len(boxes))
	for _, b := range boxes {
		sum, n := 0, 0
		for _, e := range d.graph.Edges {
			if e.To == b.ID {
				sum += d.boxes[e.From].middle()
				n++
			}
		}
		if n > 0 {
			wanted[b.ID] = sum / n
		}
	}
	slices.SortStableFunc(boxes, func(a, b *Box) int { return cmp.Compare(wanted[a.ID], wanted[b.ID]) })
	y, off := top, 0
	for _, b := range boxes {
		b.Y = max(y, wanted[b.ID]-b.H/2)
		off += b.middle() - max(wanted[b.ID], b.H/2)
		y = b.bottom() + rowGap
	}
	if len(boxes) == 0 {
		return
	}
	// They were only ever moved down: half of them should be above.
	up := min(max(0, off/len(boxes)), boxes[0].Y-top)
	for _, b := range boxes {
		b.Y -= up
	}
}
