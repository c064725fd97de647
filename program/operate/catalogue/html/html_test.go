package html_test

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strings"
	"testing"

	"refold/program/operate/catalogue"
	"refold/program/operate/catalogue/cataloguetest"
	"refold/program/operate/catalogue/html"
)

func written(t *testing.T, c *catalogue.Catalogue) string {
	t.Helper()
	var b bytes.Buffer
	if err := html.Write(&b, c); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// elements returns the elements of a page, and fails if one is not closed.
func elements(t *testing.T, text string) (all []xml.StartElement) {
	t.Helper()
	decoder := xml.NewDecoder(strings.NewReader(text))
	decoder.Strict, decoder.Entity = true, xml.HTMLEntity
	for {
		token, err := decoder.Token()
		if errors.Is(err, io.EOF) {
			return all
		}
		if err != nil {
			t.Fatal(err)
		}
		if start, is := token.(xml.StartElement); is {
			all = append(all, start.Copy())
		}
	}
}

// A page is one file: nothing in it runs, and nothing is fetched. Each link leads to a place in it.
func TestPagesStandAlone(t *testing.T) {
	for name, c := range cataloguetest.All(t) {
		t.Run(name, func(t *testing.T) {
			ids, links := map[string]bool{}, []string{}
			for _, e := range elements(t, written(t, c)) {
				switch e.Name.Local {
				case "script", "link", "img", "iframe", "object", "b", "i":
					t.Errorf("there is an element %s", e.Name.Local)
				}
				for _, a := range e.Attr {
					switch {
					case a.Name.Local == "id" && ids[a.Value]:
						t.Errorf("two elements have the ID %s", a.Value)
					case a.Name.Local == "id":
						ids[a.Value] = true
					case a.Name.Local == "href":
						links = append(links, a.Value)
					case a.Name.Local == "src", strings.HasPrefix(a.Name.Local, "on"):
						t.Errorf("there is an attribute %s", a.Name.Local)
					}
				}
			}
			for _, link := range links {
				if anchor, within := strings.CutPrefix(link, "#"); !within || !ids[anchor] {
					t.Errorf("%q leads nowhere", link)
				}
			}
			if len(links) < 10 {
				t.Errorf("there are %d links", len(links))
			}
		})
	}
}

// Texts of others are shown, and are not HTML.
func TestForeignTextIsEscaped(t *testing.T) {
	text := written(t, cataloguetest.Small(t))
	for _, want := range []string{
		"Who &lt;b&gt;sits&lt;/b&gt; there", "Somebody &lt;i&gt;sits&lt;/i&gt;", "The &lt;catalogue&gt;",
		"it has no &lt;end&gt;", "v1.2.3", "nothing: it means nothing any more", "2 versions",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("%s is not on the page", want)
		}
	}
}

func TestSameCatalogueSamePage(t *testing.T) {
	first := written(t, cataloguetest.Small(t))
	if again := written(t, cataloguetest.Small(t)); again != first {
		t.Error("two pages of one catalogue differ")
	}
}

var boxForm = regexp.MustCompile(`<rect x="(\d+)" y="(\d+)" width="(\d+)" height="(\d+)"`)

// No two boxes of a diagram overlap, and all are within it.
func TestBoxesDoNotOverlap(t *testing.T) {
	for name, c := range cataloguetest.All(t) {
		text := written(t, c)
		var width, height int
		at := strings.Index(text, `viewBox="0 0 `)
		if _, err := fmt.Sscanf(text[at:], `viewBox="0 0 %d %d"`, &width, &height); err != nil {
			t.Fatal(err)
		}
		var boxes [][4]int
		for _, found := range boxForm.FindAllStringSubmatch(text, -1) {
			var b [4]int
			for i := range b {
				if _, err := fmt.Sscan(found[i+1], &b[i]); err != nil {
					t.Fatal(err)
				}
			}
			boxes = append(boxes, b)
		}
		for i, a := range boxes {
			if a[0]+a[2] > width || a[1]+a[3] > height {
				t.Errorf("%s: box %d is outside: %v", name, i, a)
			}
			for _, b := range boxes[:i] {
				if a[0] < b[0]+b[2] && b[0] < a[0]+a[2] && a[1] < b[1]+b[3] && b[1] < a[1]+a[3] {
					t.Errorf("%s: %v and %v overlap", name, a, b)
				}
			}
		}
		if len(boxes) < 4 {
			t.Errorf("%s has %d boxes", name, len(boxes))
		}
	}
}
