// Package html writes a catalogue as one HTML file, which needs no network and no script.
package html
