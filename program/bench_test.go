package program

import (
	"encoding/json"
	"os"
	"strings"
	"testing"

	"refold/bench"
	"refold/kafka/local"
	"refold/program/command"
)

// programVariable makes the tests' binary the program, for what starts it as a process of its own.
const programVariable = "TEST_AS_PROGRAM"

func TestMain(m *testing.M) {
	if os.Getenv(programVariable) != "" {
		shop.Main()
	}
	os.Exit(m.Run())
}

// Each measurement measures what it says: results, rows and mended rows are counted.
func TestBench(t *testing.T) {
	t.Setenv(programVariable, "1")
	cluster, err := local.Start(local.Options{Partitions: 2})
	if err != nil {
		t.Fatal(err)
	}
	defer cluster.Close()
	at := []string{
		"--brokers", strings.Join(cluster.Brokers(), ","), "--registry", cluster.RegistryURL(),
		"--timeout", "1m",
	}
	measure := func(wants []string, args ...string) string {
		t.Helper()
		return expect(t, 0, wants, append(append([]string{"bench"}, args...), at...)...)
	}
	measure([]string{"commands/s", "worker CPU s per million"}, "--commands", "300", "--keys", "100")
	measure([]string{"latency ms", "p99"}, "--commands", "300", "--keys", "100", "--rate", "500")
	measure([]string{"the bare engine", "commands/s"}, "--engine", "--commands", "300", "--keys", "100")
	measure([]string{"rows restored                1,000", "rows/s"}, "restore", "--rows", "1000")
	kept := measure(nil, "restore", "--topic", "rows", "--rows", "1000", "--json")
	var took bench.Restored
	if err := json.Unmarshal([]byte(kept), &took); err != nil || took.Rows != 1000 {
		t.Fatalf("%v: %s", err, kept)
	}
	measure([]string{"rows restored                1,000"}, "restore", "--topic", "rows", "--runs", "2")
	measure([]string{"fold, events/s", "compare, rows/s", "put right                    20 rows"},
		"rebuild", "--events", "3000", "--keys", "1000", "--wrong", "20")
	measure([]string{"p99, refolding to without"}, "rebuild", "--events", "3000", "--keys", "1000",
		"--rate", "100", "--duration", "4s", "--rest", "500ms")

	// Any aggregate can be measured; the traffic of orders leads to two events each.
	measure([]string{"the orders worker", "commands/s"},
		"--aggregate", "orders", "--commands", "300", "--keys", "100")
	measure([]string{"200 events of 100 orders", "put right                    7 rows"},
		"rebuild", "--aggregate", "order", "--events", "200", "--keys", "100", "--wrong", "7")
	expect(t, command.ExitFailed, []string{"no more events"}, append([]string{
		"bench", "rebuild", "--aggregate", "order", "--events", "300", "--keys", "100", "--wrong", "0",
	}, at...)...)
	expect(t, command.ExitFailed, []string{`there is no aggregate "unknown"`}, append([]string{
		"bench", "--aggregate", "unknown",
	}, at...)...)
}
