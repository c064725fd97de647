package flow

import (
	"fmt"
	"unicode/utf8"
)

// charWidth is how wide a character of the picture's fixed-width texts is, at most: 12 pixels high, and most
// fonts are 0.6 as wide.
const charWidth = 7.3

// fitting returns how many characters have room in so many pixels.
func fitting(width int) int { return int(float64(width) / charWidth) }

// cut shortens a text in its middle, so that both ends, which tell it from others, stay.
func cut(text string, most int) string {
	if utf8.RuneCountInString(text) <= most {
		return text
	}
	runes := []rune(text)
	tail := most / 2
	return string(runes[:most-1-tail]) + "…" + string(runes[len(runes)-tail:])
}

// inset is the room at the sides of a box.
const inset = 12

// label is a box's name as far as it fits.
func (b *Box) label() string { return cut(b.Name, fitting(b.W-2*inset)) }

// outline is the shape of a box: each kind has its own.
func (b *Box) outline() string {
	x, y, r, bottom, corner := b.X, b.Y, b.right(), b.bottom(), 10
	switch b.Kind {
	case KindAggregate:
		return fmt.Sprintf("M%d %dH%dV%dH%dZ", x, y, r, bottom, x)
	case KindProcess: // corners cut off
		return fmt.Sprintf("M%d %dH%dL%d %dV%dL%d %dH%dL%d %dV%dZ", x+corner, y, r-corner, r, y+corner,
			bottom-corner, r-corner, bottom, x+corner, x, bottom-corner, y+corner)
	case KindReaction: // an arrow
		return fmt.Sprintf("M%d %dH%dL%d %dL%d %dH%dZ", x, y, r-corner, r, b.middle(), r-corner, bottom, x)
	case KindProjection: // a sheet
		return fmt.Sprintf("M%d %dH%dL%d %dV%dH%dZ", x, y, r-corner, r, y+corner, bottom, x)
	case KindStore: // a drum
		return fmt.Sprintf("M%d %dA%d 5 0 0 1 %d %dV%dA%d 5 0 0 1 %d %dZM%d %dA%d 5 0 0 0 %d %d",
			x, y+5, b.W/2, r, y+5, bottom-5, b.W/2, x, bottom-5, x, y+5, b.W/2, r, y+5)
	case KindClients, KindOutside, KindCommands, KindEvents, KindResults, KindTable, KindDeadLetters:
	}
	return rounded(x, y, b.W, b.H, corner)
}

func rounded(x, y, w, h, r int) string {
	return fmt.Sprintf("M%d %dh%da%d %d 0 0 1 %d %dv%da%d %d 0 0 1 -%d %dh-%da%d %d 0 0 1 -%d -%dv-%d"+
		"a%d %d 0 0 1 %d -%dZ",
		x+r, y, w-2*r, r, r, r, r, h-2*r, r, r, r, r, w-2*r, r, r, r, r, h-2*r, r, r, r, r)
}
