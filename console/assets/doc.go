// Package assets has the files that pages of the console load: one style sheet, one script of our own, and
// htmx. They are part of the program; nothing is loaded from another host.
//
// htmx.js and hx-sse.js are dist/htmx.min.js and dist/ext/hx-sse.min.js of the npm package htmx.org 4.0.1, as
// they were published but for the line that names their source map (0BSD, see LICENSE-htmx). README.md beside
// them has their SHA-256.
//
// A file's address has a digest of its content in it. So browsers keep files for good, and a new program has
// new addresses.
package assets
