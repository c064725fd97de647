package consoletest

import (
	"slices"
	"strings"

	"golang.org/x/net/html"
)

// Markup is a text that does harm in a page which takes it for markup. IDs, owners and all else that anybody
// may write are to be tried with it.
const Markup = `<evil-tag onclick="evil()">'"&<script>evil()</script>`

// Attr returns an attribute of an element; empty if it has none.
func Attr(n *html.Node, name string) string {
	text, _ := attr(n, name)
	return text
}

func attr(n *html.Node, name string) (string, bool) {
	for _, a := range n.Attr {
		if a.Key == name {
			return a.Val, true
		}
	}
	return "", false
}

// Text returns the text of an element, each piece apart by one space.
func Text(n *html.Node) string {
	var words []string
	for inner := range n.Descendants() {
		if inner.Type == html.TextNode && inner.Parent.Data != "style" {
			words = append(words, strings.Fields(inner.Data)...)
		}
	}
	return strings.Join(words, " ")
}

// All returns the elements of a name below a node, in order. Pairs of attribute and value say which.
func All(n *html.Node, name string, attributes ...string) (found []*html.Node) {
	for inner := range n.Descendants() {
		if inner.Type != html.ElementNode || name != "" && inner.Data != name {
			continue
		}
		fits := true
		for i := 0; i+1 < len(attributes); i += 2 {
			text, has := attr(inner, attributes[i])
			fits = fits && has && text == attributes[i+1]
		}
		if fits {
			found = append(found, inner)
		}
	}
	return found
}

// One returns the only element of a name with the attributes, and fails the test if there is another number.
func (p *Page) One(name string, attributes ...string) *html.Node {
	p.tb.Helper()
	found := All(p.Root, name, attributes...)
	if len(found) != 1 {
		p.tb.Fatalf("there are %d elements %s %v:\n%s", len(found), name, attributes, p.Body)
	}
	return found[0]
}

// Link returns where the link with a text leads, and fails the test if there is none.
func (p *Page) Link(text string) string {
	p.tb.Helper()
	for _, a := range All(p.Root, "a") {
		if Text(a) == text {
			return Attr(a, "href")
		}
	}
	p.tb.Fatalf("there is no link %q:\n%s", text, p.Body)
	return ""
}

// Escaped fails the test unless [Markup] is in the page, as text and not as markup.
func (p *Page) Escaped() {
	p.tb.Helper()
	if len(All(p.Root, "evil-tag")) > 0 {
		p.tb.Error("markup of others became an element of the page")
	}
	words := strings.Join(strings.Fields(Markup), " ")
	harmful := func(a html.Attribute) bool { return strings.Contains(a.Val, Markup) }
	shown := slices.ContainsFunc(All(p.Root, ""), func(n *html.Node) bool {
		return slices.ContainsFunc(n.Attr, harmful)
	})
	if !shown && !strings.Contains(Text(p.Root), words) {
		p.tb.Errorf("the markup is not in the page at all:\n%s", p.Body)
	}
}

// check holds a page to what all pages promise.
func (p *Page) check(of string) {
	p.tb.Helper()
	for n := range p.Root.Descendants() {
		if n.Type == html.ElementNode {
			p.checkElement(of, n)
		}
	}
	if n := len(All(p.Root, "h1")); n != 1 {
		p.tb.Errorf("%s: the page has %d h1, want one", of, n)
	}
	seen := map[string]bool{}
	for _, n := range All(p.Root, "") {
		if id := Attr(n, "id"); id != "" && seen[id] {
			p.tb.Errorf("%s: the ID %q is there twice", of, id)
		} else {
			seen[id] = true
		}
	}
	if policy := p.Header.Get("Content-Security-Policy"); !strings.Contains(policy, "default-src 'none'") {
		p.tb.Errorf("%s: the policy of contents is %q", of, policy)
	}
}

func (p *Page) checkElement(of string, n *html.Node) {
	p.tb.Helper()
	for _, a := range n.Attr {
		switch {
		case a.Key == "style" || strings.HasPrefix(a.Key, "on"):
			p.tb.Errorf("%s: <%s> has the attribute %s, which the policy of contents forbids", of,
				n.Data, a.Key)
		case (a.Key == "href" || a.Key == "src" || a.Key == "action") && foreign(a.Val):
			p.tb.Errorf("%s: <%s> leads to another host: %s", of, n.Data, a.Val)
		}
	}
	switch n.Data {
	case "script":
		if Attr(n, "src") == "" {
			p.tb.Errorf("%s: there is a script in the page", of)
		}
	case "style":
		p.tb.Errorf("%s: there is a style in the page", of)
	case "input", "select", "textarea":
		if Attr(n, "type") != "hidden" && !p.labelled(n) {
			p.tb.Errorf("%s: <%s name=%q> has no label", of, n.Data, Attr(n, "name"))
		}
	case "img", "svg":
		if Attr(n, "alt") == "" && Attr(n, "aria-label") == "" && Attr(n, "aria-hidden") == "" &&
			Attr(n, "aria-labelledby") == "" {
			p.tb.Errorf("%s: <%s> says nothing to whoever can't see it", of, n.Data)
		}
	}
}

func foreign(address string) bool {
	return strings.Contains(address, "//") && !strings.HasPrefix(address, "/") ||
		strings.HasPrefix(address, "//") || strings.HasPrefix(strings.ToLower(address), "javascript:")
}

// labelled reports whether a field has a label: around it, for it, or as an attribute.
func (p *Page) labelled(n *html.Node) bool {
	if Attr(n, "aria-label") != "" || Attr(n, "aria-labelledby") != "" {
		return true
	}
	for above := n.Parent; above != nil; above = above.Parent {
		if above.Data == "label" {
			return true
		}
	}
	id := Attr(n, "id")
	return id != "" && len(All(p.Root, "label", "for", id)) > 0
}
