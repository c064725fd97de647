// Package markdown writes a catalogue as Markdown of the kind that Git hosts show, with a Mermaid diagram: as
// one text, or as a folder with a file for each aggregate.
package markdown
