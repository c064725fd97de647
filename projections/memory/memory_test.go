package memory_test

import (
	"testing"

	"refold/projections"
	"refold/projections/memory"
	"refold/projections/storetest"
)

func TestStore(t *testing.T) {
	storetest.Run(t, func(*testing.T) projections.Store { return &memory.Store{} })
}
