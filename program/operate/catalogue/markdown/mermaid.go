package markdown

import (
	"strings"

	"refold/program/operate/catalogue"
)

// shapes are those of Mermaid's flowcharts.
var shapes = map[catalogue.NodeKind][2]string{
	catalogue.ClientNode:    {`(["`, `"])`},
	catalogue.CommandNode:   {`[/"`, `"/]`},
	catalogue.EventNode:     {`[/"`, `"/]`},
	catalogue.ResultNode:    {`[/"`, `"/]`},
	catalogue.TableNode:     {`[("`, `")]`},
	catalogue.AggregateNode: {`["`, `"]`},
	catalogue.ProcessNode:   {`{{"`, `"}}`},
}

// mermaid writes the flow as a flowchart. Names of nodes are Kafka's and Go's: nothing in them needs
// escaping.
func (p *page) mermaid() {
	flow := p.Flow()
	p.text.WriteString("```mermaid\nflowchart LR\n")
	ids := map[string]string{}
	for _, n := range flow.Nodes {
		ids[n.ID] = "n-" + n.ID
		shape := shapes[n.Kind]
		p.text.WriteString("  " + ids[n.ID] + shape[0] + n.Label + shape[1] + "\n")
	}
	for _, e := range flow.Edges {
		label := ""
		if len(e.Types) > 0 {
			label = `|"` + strings.Join(e.Types, "<br>") + `"|`
		}
		p.text.WriteString("  " + ids[e.From] + " -->" + label + " " + ids[e.To] + "\n")
	}
	p.line("```")
}
