package livefeed

import (
	"encoding/base64"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

func layoutOf(partitions ...int) *layout {
	l := new(layout)
	for i, n := range partitions {
		l.add(&Topic{Name: string(rune('a' + i))}, [16]byte{byte(i)}, n)
	}
	return l
}

// A position comes back as it was, among its own topics only.
func TestPosition(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		partitions := rapid.SliceOfN(rapid.IntRange(1, 8), 1, 5).Draw(t, "partitions")
		l := layoutOf(partitions...)
		next := rapid.SliceOfN(rapid.Int64Min(0), l.size, l.size).Draw(t, "next")
		text := l.text(next)
		got, err := l.parse(text)
		if err != nil || !slices.Equal(got, next) {
			t.Fatalf("%v, %v; want %v", got, err, next)
		}
		partitions[0]++
		if _, err := layoutOf(partitions...).parse(text); err == nil {
			t.Error("a position among other topics was taken")
		}
		damaged := []byte(text)
		at := rapid.IntRange(0, len(text)-1).Draw(t, "at")
		damaged[at] = "AB"[damaged[at]&1] // another letter, or the other one
		if _, err := l.parse(string(damaged)); err == nil && string(damaged) != text {
			t.Errorf("%s was taken, damaged at %d", damaged, at)
		}
	})
}

// Whatever a client sends is either a position as we write it, or none.
func FuzzPosition(f *testing.F) {
	l := layoutOf(3, 2)
	f.Add(l.text([]int64{0, 1, 1 << 40, 300, 5}))
	f.Add("")
	f.Add(base64.RawURLEncoding.EncodeToString(make([]byte, 9)))
	f.Fuzz(func(t *testing.T, text string) {
		next, err := l.parse(text)
		if err != nil {
			return
		}
		for _, offset := range next {
			if offset < 0 {
				t.Errorf("offset %d", offset)
			}
		}
		if got := l.text(next); got != text {
			t.Errorf("%q was read as %v, which is %q", text, next, got)
		}
	})
}
