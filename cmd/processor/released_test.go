package main

import (
	"testing"

	"refold/processors/accounts"
	"refold/processors/foldtest"
	"refold/processors/orders"
)

// G9: every version of every record that was ever released is read as today's types.
func TestReleasedSchemasAreRead(t *testing.T) {
	foldtest.ReadsReleased(t, "../../processors/schemas/released", accounts.Definition, orders.Definition)
}
