// Package three is the box as it is released now. The owner is a record, a shake is no event any more, Moved
// is two events, fees are added up, and a box can be locked.
package three
