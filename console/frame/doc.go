// Package frame is what all pages of the console have in common: the frame around them, access, the headers
// that keep scripts of others out, problems as pages, live streams, and the components that pages are made
// of.
//
// A [Part] of the console registers its pages at a [Site]. A page is a [Handler]: it gets the [Page], which
// knows who asks, what they may, their time zone and their theme, and answers by [Page.Show] with a templ
// component, or with an error, which becomes a problem page.
//
// How to add a page is written in package console.
package frame
