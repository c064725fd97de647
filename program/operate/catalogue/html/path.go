package html

import (
	"fmt"
	"strings"
)

const (
	arrowLength = 7
	arrowWidth  = 4
	corner      = 6
)

type point struct{ x, y int }

// path returns a way that begins at a point and goes on horizontally to an x, vertically to a y, and so on,
// and at last horizontally to an end. Its corners are round.
func path(turns []int, end int) string {
	points := []point{{turns[0], turns[1]}}
	for i := 2; i+1 < len(turns); i += 2 {
		last := points[len(points)-1]
		points = append(points, point{turns[i], last.y}, point{turns[i], turns[i+1]})
	}
	points = append(points, point{end, points[len(points)-1].y})
	var d strings.Builder
	fmt.Fprintf(&d, "M%d %d", points[0].x, points[0].y)
	for i := 1; i < len(points); i++ {
		at := points[i]
		if i == len(points)-1 {
			fmt.Fprintf(&d, "L%d %d", at.x, at.y)
			break
		}
		r := min(corner, length(points[i-1], at)/2, length(at, points[i+1])/2)
		before, after := toward(at, points[i-1], r), toward(at, points[i+1], r)
		fmt.Fprintf(&d, "L%d %dQ%d %d %d %d", before.x, before.y, at.x, at.y, after.x, after.y)
	}
	return d.String()
}

// length is that of a line along an axis.
func length(a, b point) int { return max(a.x-b.x, b.x-a.x) + max(a.y-b.y, b.y-a.y) }

// toward returns the point that is r away from a point on the line to another, along an axis.
func toward(from, to point, r int) point {
	sign := func(d int) int { return min(max(d, -1), 1) }
	return point{from.x + r*sign(to.x-from.x), from.y + r*sign(to.y-from.y)}
}

// arrow returns the head of an arrow that points to the right.
func arrow(x, y int) string {
	back := x - arrowLength - 1
	return fmt.Sprintf("%d,%d %d,%d %d,%d", x, y, back, y-arrowWidth, back, y+arrowWidth)
}
