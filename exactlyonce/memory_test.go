package exactlyonce_test

import (
	"testing"

	"refold/exactlyonce"
	"refold/exactlyonce/tabletest"
	"refold/kafka"
)

func TestInMemory(t *testing.T) {
	tabletest.Run(t, func(_ *testing.T, settings kafka.Settings) exactlyonce.Tables {
		return exactlyonce.InMemory(settings)
	})
}
