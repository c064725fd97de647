//go:build system

package system_test

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/lovoo/goka"
	"github.com/lovoo/goka/codec"

	"refold/exactlyonce"
	"refold/kafka"
)

// wordCountVariable holds the brokers when this test binary is started to be a word count.
const wordCountVariable = "REFOLD_SYSTEM_WORD_COUNT"

const (
	wordsTopic     = "words"
	countsTopic    = "counts"
	wordCountGroup = "word-count"
)

// runWordCount is an ordinary Goka word count, made exactly once, in a process of its own: that
// can be killed.
func runWordCount() int {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	graph := goka.DefineGroup(wordCountGroup,
		goka.Input(wordsTopic, new(codec.String), countWord),
		goka.Output(countsTopic, new(codec.Int64)),
		goka.Persist(new(codec.Int64)))
	processor, err := exactlyonce.New(exactlyonce.Config{
		Kafka: kafka.Settings{
			Brokers:        strings.Split(os.Getenv(wordCountVariable), ","),
			SessionTimeout: 3 * time.Second, HeartbeatInterval: 500 * time.Millisecond,
		},
		TransactionalID: wordCountGroup,
		BatchRecords:    1000, // more transactions to be killed in
		Logger:          slog.New(slog.NewTextHandler(os.Stderr, nil)),
	}, graph)
	if err == nil {
		err = processor.Run(ctx)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}

func countWord(ctx goka.Context, _ any) {
	count, _ := ctx.Value().(int64)
	ctx.SetValue(count + 1)
	ctx.Emit(countsTopic, ctx.Key(), count+1)
}

// parseCount reads what codec.Int64 wrote.
func parseCount(value []byte) (int64, error) { return strconv.ParseInt(string(value), 10, 64) }
