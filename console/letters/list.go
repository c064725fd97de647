package letters

import (
	"net/http"
	"slices"
	"strconv"
	"unicode/utf8"

	"refold/console/frame"
)

// pageRows is how many letters a page has.
const pageRows = 50

// maxGroups is how many groups are shown: a type may be anything that somebody has sent.
const maxGroups = 30

// listed is a page of letters.
type listed struct {
	filter
	Listing

	groups     []*group
	moreGroups int
	rows       []*Letter // of this page
	found      []*Letter // all that the filter means
	open       int       // how many of those are open
	topics     []string
	page       int
}

// find returns the letters that a request's filter means.
func (l *pages) find(r *http.Request, p *frame.Page) (*listed, error) {
	f, err := filterOf(r.URL.Query())
	if err != nil {
		return nil, err
	}
	all, err := l.letters.List(r.Context())
	if err != nil {
		return nil, err //nolint:wrapcheck // it becomes a page
	}
	page := &listed{filter: f, Listing: all}
	var framed []*Letter
	for i := range all.Letters {
		letter := &all.Letters[i]
		if !slices.Contains(page.topics, letter.Topic) {
			page.topics = append(page.topics, letter.Topic)
		}
		if !f.has(letter, p.Now) {
			continue
		}
		framed = append(framed, letter)
		if f.ofKind(letter) {
			page.found = append(page.found, letter)
			if letter.Settled == nil {
				page.open++
			}
		}
	}
	slices.Sort(page.topics)
	page.groups = groups(framed)
	if n := len(page.groups); n > maxGroups {
		page.groups, page.moreGroups = page.groups[:maxGroups], n-maxGroups
	}
	return page, nil
}

// list answers GET /console/dead-letters?reason=&type=&topic=&aggregate=&state=&age=&page=.
func (l *pages) list(w http.ResponseWriter, r *http.Request, p *frame.Page) error {
	page, err := l.find(r, p)
	if err != nil {
		return err
	}
	page.page = 1
	if text := r.URL.Query().Get("page"); text != "" {
		if page.page, err = strconv.Atoi(text); err != nil || page.page < 1 {
			return frame.Invalid("The page is " + strconv.Quote(text) + "; it must be a number from 1.")
		}
	}
	first := min((page.page-1)*pageRows, len(page.found))
	page.rows = page.found[first:min(first+pageRows, len(page.found))]
	return p.Show(w, r, "Dead letters", list(p, l, page))
}

func (l *listed) previous() string {
	if l.page == 1 {
		return ""
	}
	return l.with(frame.Path(segment), "page", strconv.Itoa(l.page-1))
}

func (l *listed) next() string {
	if l.page*pageRows >= len(l.found) {
		return ""
	}
	return l.with(frame.Path(segment), "page", strconv.Itoa(l.page+1))
}

// ofGroup leads to the letters of a group.
func (l *listed) ofGroup(g *group) string {
	f := l.filter
	f.reason, f.typeName = g.reason, g.typeName
	return f.with(frame.Path(segment))
}

// chosen reports whether a group is the one that is shown.
func (l *listed) chosen(g *group) bool { return l.reason == g.reason && l.typeName == g.typeName }

// kind is the kind of aggregate whose topic a letter came from; nil: none.
func (l *pages) kind(letter *Letter) *Kind {
	for i := range l.kinds {
		k := &l.kinds[i]
		if letter.Topic == k.Commands || letter.Topic == k.Events || slices.Contains(k.Others, letter.Topic) {
			return k
		}
	}
	return nil
}

// aggregate is where the page of a letter's aggregate is; empty: there is none.
func (l *pages) aggregate(letter *Letter) string {
	k := l.kind(letter)
	if k == nil || len(letter.Key) == 0 || !utf8.Valid(letter.Key) {
		return ""
	}
	return frame.Path(k.Plural, string(letter.Key))
}

// taker is who could not take a letter's record.
func taker(l *Letter) string {
	switch {
	case l.Projection != "":
		return "projection " + l.Projection
	case l.Reaction != "":
		return "reaction " + l.Reaction
	case l.Group != "":
		return "group " + l.Group
	}
	return ""
}

// cutRunes is as much of a text as is shown where its length is anybody's choice.
const cutRunes = 300

func cut(text string) string {
	runes := []rune(text)
	if len(runes) <= cutRunes {
		return text
	}
	return string(runes[:cutRunes]) + "…"
}
