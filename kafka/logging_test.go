package kafka_test

import (
	"log/slog"
	"strings"
	"sync"
	"testing"

	"github.com/IBM/sarama"
	"github.com/lovoo/goka"
	"github.com/twmb/franz-go/pkg/kgo"

	"refold/kafka"
	"refold/kafka/local"
)

// Both want the same interface, under different names.
var (
	_ sarama.StdLogger = kafka.PrintLogger{}
	_ goka.Logger      = kafka.PrintLogger{}
)

// text is where a logger writes.
type text struct {
	mu sync.Mutex
	b  strings.Builder
}

func (t *text) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.b.Write(p)
}

func (t *text) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.b.String()
}

// logTo is a logger without times, and where it writes.
func logTo(level slog.Level) (*slog.Logger, *text) {
	written := new(text)
	return slog.New(slog.NewTextHandler(written, &slog.HandlerOptions{
		Level: level,
		ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
			if a.Key == slog.TimeKey {
				return slog.Attr{}
			}
			return a
		},
	})), written
}

func TestFranzLogger(t *testing.T) {
	for level, want := range map[slog.Level]kgo.LogLevel{
		slog.LevelDebug - 4: kgo.LogLevelDebug,
		slog.LevelDebug:     kgo.LogLevelInfo,
		slog.LevelInfo:      kgo.LogLevelWarn,
		slog.LevelWarn:      kgo.LogLevelWarn,
		slog.LevelError:     kgo.LogLevelError,
		slog.LevelError + 1: kgo.LogLevelNone,
	} {
		l, _ := logTo(level)
		if got := kafka.FranzLogger(l).Level(); got != want {
			t.Errorf("%v: %v, want %v", level, got, want)
		}
	}
	l, written := logTo(slog.LevelDebug - 4)
	logger := kafka.FranzLogger(l)
	logger.Log(kgo.LogLevelError, "e", "broker", 1)
	logger.Log(kgo.LogLevelWarn, "w")
	logger.Log(kgo.LogLevelInfo, "i")
	logger.Log(kgo.LogLevelDebug, "d")
	want := `level=ERROR msg=e component=franz-go broker=1
level=WARN msg=w component=franz-go
level=DEBUG msg=i component=franz-go
level=DEBUG-4 msg=d component=franz-go
`
	if written.String() != want {
		t.Error(written.String())
	}
}

func TestGokaLogger(t *testing.T) {
	l, written := logTo(slog.LevelInfo)
	logger := kafka.GokaLogger(l)
	logger.Print("a", "b")
	logger.Println("a", 1)
	logger.Printf("%d of %d\n", 1, 2)
	want := `level=INFO msg=ab component=goka
level=INFO msg="a 1" component=goka
level=INFO msg="1 of 2" component=goka
`
	if written.String() != want {
		t.Error(written.String())
	}
	l, silent := logTo(slog.LevelWarn)
	kafka.GokaLogger(l).Print("a")
	if silent.String() != "" {
		t.Error(silent.String())
	}
}

// saramaSaid is where Sarama writes in this package's tests. Its logger is global and read without a
// lock, also by goroutines that outlive a closed client for a moment, so it is set once, before any.
var saramaSaid = func() *text {
	l, written := logTo(slog.LevelDebug)
	kafka.SetSaramaLogger(l)
	return written
}()

func TestSetSaramaLogger(t *testing.T) {
	sarama.Logger.Printf("connected to %s", t.Name())
	want := "level=DEBUG msg=\"connected to TestSetSaramaLogger\" component=sarama\n"
	if !strings.Contains(saramaSaid.String(), want) {
		t.Errorf("%s", saramaSaid)
	}
}

func TestSettingsLoggerHearsFranzGo(t *testing.T) {
	cluster := start(t, local.Options{})
	l, written := logTo(slog.LevelDebug - 4)
	opts, err := kafka.Settings{Brokers: cluster.Brokers(), Logger: l}.Options()
	if err != nil {
		t.Fatal(err)
	}
	client, err := kgo.NewClient(opts...)
	if err != nil {
		t.Fatal(err)
	}
	err = client.Ping(deadline(t))
	client.Close() // nothing is written afterwards
	if err != nil || !strings.Contains(written.String(), "component=franz-go") {
		t.Errorf("%v %q", err, written)
	}
}
