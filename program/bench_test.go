package program

import (
	"encoding/json"
	"os"
	"strings"
	"testing"

	"refold/kafka/local"
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
	bench := func(wants []string, args ...string) string {
		t.Helper()
		return expect(t, 0, wants, append(append([]string{"bench"}, args...), at...)...)
	}
	bench([]string{"commands/s", "worker CPU s per million"}, "--commands", "300", "--keys", "100")
	bench([]string{"latency ms", "p99"}, "--commands", "300", "--keys", "100", "--rate", "500")
	bench([]string{"the bare engine", "commands/s"}, "--engine", "--commands", "300", "--keys", "100")
	bench([]string{"rows restored                1,000", "rows/s"}, "restore", "--rows", "1000")
	kept := bench(nil, "restore", "--topic", "rows", "--rows", "1000", "--json")
	var took restored
	if err := json.Unmarshal([]byte(kept), &took); err != nil || took.Rows != 1000 {
		t.Fatalf("%v: %s", err, kept)
	}
	bench([]string{"rows restored                1,000"}, "restore", "--topic", "rows", "--runs", "2")
	bench([]string{"fold, events/s", "compare, rows/s", "put right                    20 rows"},
		"rebuild", "--events", "3000", "--keys", "1000", "--wrong", "20")
	bench([]string{"p99, refolding to without"}, "rebuild", "--events", "3000", "--keys", "1000",
		"--rate", "100", "--duration", "4s", "--rest", "500ms")
}
