// Package console joins the parts of the web console that workers serve at /console/: pages made by the
// server, in which people see why a state is what it is, and do something about it.
//
// # How to add a page
//
// A part of the console is a package below this one. It has, say, letters.go, letters.templ, doc.go and
// tests.
//
//		// Part returns the pages of dead letters.
//		func Part(letters Letters) frame.Part {
//			return func(site *frame.Site) {
//				site.Tab(frame.Tab{Name: "Dead letters", Path: frame.Path("dead-letters"),
//					Order: frame.OrderDeadLetters})
//				pages := &pages{letters}
//				site.Handle("GET /console/dead-letters", frame.Read, pages.list)
//				site.Handle("POST /console/dead-letters/replay", frame.Operate, pages.replay)
//				site.Stream("GET /console/dead-letters/live", frame.Read, pages.live)
//			}
//		}
//
//		func (l *pages) list(w http.ResponseWriter, r *http.Request, p *frame.Page) error {
//			found, err := l.letters.List(r.Context(), r.FormValue("reason"))
//			if err != nil {
//				return err // becomes a problem page; return a *frame.Problem for words of your own
//			}
//			return p.Show(w, r, "Dead letters", list(p, found)) // list is a templ component
//		}
//
//	  - What the part needs are small interfaces that it declares itself. Those of the API are fulfilled by
//	    *client.Client (the worker's own API, in process: see [NewTransport]); what the API has not is
//	    implemented in package worker, which adds the part to the list in worker/console.go.
//	  - Write components in .templ files, then `make templ`; commit the generated files. Use those of
//	    package frame: Time, ID, Pill, Empty, Pager, Tabs, KeyValues, Action, Denied; values.Tree shows any
//	    JSON. Numbers and durations are written by package words, paths by frame.Path and frame.With.
//	  - A page is whole without scripts: links, forms, GET for what is looked at, POST for what is done,
//	    which ends in Page.Back. What a user may not do is shown disabled, with frame.Denied beside it.
//	  - Parts of pages are put in by htmx: hx-get with hx-select and hx-target takes the part out of a whole
//	    page. Live parts have hx-sse:connect and get what Stream.Send sends; several places at once are
//	    <hx-partial hx-target="#id">. In htmx 4 attributes are not inherited.
//	  - No style attributes, no scripts in pages, no addresses of other hosts: the policy of contents
//	    forbids them. SVG takes presentation attributes (fill, stroke, class). Rows with data-row in a table
//	    are reached by j and k.
//	  - A page has one h1, a label for each field, and a text beside each colour.
//	  - Test with package consoletest: it serves parts, holds each page to the rules above, and checks that
//	    markup in an ID comes out as text.
package console
