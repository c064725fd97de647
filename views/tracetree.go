package views

import "slices"

// treeOf puts messages together by what caused them, each exactly once, whatever they claim: any
// producer may have written the IDs in the records.
func treeOf(messages []Message) []*Node {
	nodes := make([]*Node, len(messages))
	for i := range messages {
		nodes[i] = &Node{Message: messages[i]}
	}
	slices.SortFunc(nodes, func(a, b *Node) int { return inOrder(a.Message, b.Message) })
	causes := newCauses(nodes)
	parents := make(map[*Node]*Node, len(nodes))
	for _, n := range nodes {
		parent, has := causes.of(n)
		if parent != nil {
			parents[n] = parent
		}
		n.Orphan = has && parent == nil
	}
	cutCycles(nodes, parents)
	var roots []*Node
	for _, n := range nodes {
		if parent := parents[n]; parent != nil {
			parent.Children = append(parent.Children, n)
		} else {
			roots = append(roots, n)
		}
	}
	return roots
}

// causes finds the causes of messages.
type causes struct {
	byPlace map[Place]*Node
	byID    map[string][]*Node // in order
	results map[*Node]int      // of a command: which of the results under its ID is its own
}

func newCauses(nodes []*Node) *causes {
	c := &causes{
		byPlace: make(map[Place]*Node), byID: make(map[string][]*Node), results: make(map[*Node]int),
	}
	asideAt := make(map[Place]bool)
	type message struct {
		kind               Kind
		id, aggregate, key string
	}
	count := make(map[message]int)
	for _, n := range nodes {
		if n.Kind == KindDeadLetter {
			asideAt[n.Origin] = true
			continue
		}
		c.byPlace[n.Place] = n
		c.byID[n.ID] = append(c.byID[n.ID], n)
	}
	for _, n := range nodes {
		if n.Kind != KindCommand && n.Kind != KindResult {
			continue
		}
		m := message{n.Kind, n.ID, n.Aggregate, n.Subject}
		if n.Kind == KindCommand && asideAt[n.Place] {
			c.results[n] = -1 // it has a dead letter, and no result
			continue
		}
		c.results[n] = count[m]
		n.Repeated = n.Repeated || count[m] > 0
		count[m]++
	}
	return c
}

// of returns the cause of a message, nil if it isn't there. has reports whether it should be.
func (c *causes) of(n *Node) (cause *Node, has bool) {
	switch n.Kind {
	case KindDeadLetter:
		if at := c.byPlace[n.Origin]; at != nil {
			return at, true
		}
		// One that a replay has put elsewhere, to the loop of a process.
		return c.best(n.ID, func(m *Node) bool { return m.Subject == n.Subject }), true
	case KindEvent, KindResult:
		if n.CausationID == "" {
			return nil, false
		}
		return c.command(n), true
	case KindCommand:
	}
	if n.CausationID == "" || n.CausationID == n.ID {
		return nil, false // the beginning of a chain
	}
	return c.best(n.CausationID,
		func(m *Node) bool { return m.Kind != KindCommand && m.Aggregate != n.Aggregate },
		func(m *Node) bool { return m.Kind != KindCommand },
		func(m *Node) bool { return m != n },
	), true
}

// command returns the command that an event or a result came from: one of that ID to the same aggregate.
// Of commands that were sent again the first has the events, and each its own result; one that became a
// dead letter has neither.
func (c *causes) command(n *Node) *Node {
	fits := func(m *Node) bool {
		return m.Kind == KindCommand && m.Aggregate == n.Aggregate && m.Subject == n.Subject
	}
	return c.best(n.CausationID,
		func(m *Node) bool { return fits(m) && c.results[m] == c.results[n] },
		func(m *Node) bool { return fits(m) && c.results[m] >= 0 },
		fits,
	)
}

// best returns the first message under an ID that fits, by the first condition that any fits.
func (c *causes) best(id string, conditions ...func(*Node) bool) *Node {
	for _, fits := range conditions {
		if i := slices.IndexFunc(c.byID[id], fits); i >= 0 {
			return c.byID[id][i]
		}
	}
	return nil
}

// cutCycles makes a root of the first message of each cycle: two messages that claim to have caused
// each other.
func cutCycles(nodes []*Node, parents map[*Node]*Node) {
	const passed, done = 1, 2
	state := make(map[*Node]int, len(nodes))
	for _, n := range nodes {
		var path []*Node
		for at := n; at != nil && state[at] != done; at = parents[at] {
			if state[at] == passed {
				cycle := path[slices.Index(path, at):]
				first := slices.MinFunc(cycle, func(a, b *Node) int {
					return inOrder(a.Message, b.Message)
				})
				delete(parents, first)
				first.Orphan = true
				break
			}
			state[at] = passed
			path = append(path, at)
		}
		for _, at := range path {
			state[at] = done
		}
	}
}
