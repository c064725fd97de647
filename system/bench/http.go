//go:build system

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"refold/bench"
	"refold/bench/report"
	"refold/kafka"
)

// poster sends commands to accounts over HTTP, each when it is due, and waits for their results.
type poster struct {
	client *http.Client
	url    string
}

// Accounts that are posted to, and requests at their rate.
const (
	postedTo   = 200
	postRate   = 100
	postWarm   = 300 // a second, before it counts
	postsAfter = 30 * time.Second
)

var errAnswer = errors.New("an answer is no acceptance")

func (o options) posts() (warm, counted int) { return o.scaled(6_000), max(o.scaled(3_000), 10) }

func planPosts(o options) []measurement {
	take := func(ctx context.Context, l *lab, s *subject) (f figures, err error) {
		err = l.within(ctx, s, drainPartitions, true, func(b *bench.Bench, p place) error {
			lines, urls, err := l.pods(ctx, s, p, 1, pod{posts: true})
			if err != nil {
				return err
			}
			process, err := b.Start(ctx, lines[0])
			if err != nil {
				return err
			}
			late, err := postAll(ctx, o, process, urls[0])
			_, stopErr := process.Stop()
			if err := errors.Join(err, stopErr); err != nil {
				return err
			}
			f = waits(bench.LatencyOf(late))
			return nil
		})
		return f, err
	}
	return each(report.HTTP, "", take, report.Accounts, report.StreamsAccounts, report.StreamsLow)
}

// postAll opens the accounts, warms up, and returns how late the answers were that count, in milliseconds.
func postAll(ctx context.Context, o options, process *bench.Process, url string) ([]float64, error) {
	transport := &http.Transport{MaxIdleConns: postedTo, MaxIdleConnsPerHost: postedTo}
	defer transport.CloseIdleConnections()
	p := &poster{client: &http.Client{Transport: transport, Timeout: postsAfter}, url: url}
	if err := p.ready(ctx, process); err != nil {
		return nil, err
	}
	const open = `{"type":"OpenAccount","data":{"owner":"Bench","currency":"EUR"}}`
	const deposit = `{"type":"DepositMoney","data":{"amount":100,"currency":"EUR"}}`
	if _, err := p.at(ctx, postWarm, postedTo, open); err != nil {
		return nil, fmt.Errorf("opening accounts: %w", err)
	}
	warm, counted := o.posts()
	if _, err := p.at(ctx, postWarm, warm, deposit); err != nil {
		return nil, fmt.Errorf("warming up: %w", err)
	}
	return p.at(ctx, postRate, counted, deposit)
}

// ready waits until the worker says that it is.
func (p *poster) ready(ctx context.Context, process *bench.Process) error {
	for {
		request, err := http.NewRequestWithContext(ctx, http.MethodGet, p.url+"/readyz", http.NoBody)
		if err != nil {
			return fmt.Errorf("making a request: %w", err)
		}
		if response, err := p.client.Do(request); err == nil {
			_ = response.Body.Close()
			if response.StatusCode == http.StatusOK {
				return nil
			}
		}
		select {
		case <-process.Ended():
			return errors.New("the worker ended before it was ready")
		default:
		}
		if !kafka.Sleep(ctx, 100*time.Millisecond) {
			return fmt.Errorf("waiting for the worker to be ready: %w", ctx.Err())
		}
	}
}

// at posts a command n times, to one account after the other, so many a second, and returns how late the
// answers were. A request does not wait for the ones before it.
func (p *poster) at(ctx context.Context, rate, n int, command string) ([]float64, error) {
	late, failed := make([]float64, n), make([]error, n)
	var all sync.WaitGroup
	begin := time.Now()
	for i := range n {
		due := begin.Add(time.Duration(i) * time.Second / time.Duration(rate))
		if wait := time.Until(due); wait > 0 && !kafka.Sleep(ctx, wait) {
			break
		}
		all.Go(func() {
			failed[i] = p.post(ctx, i%postedTo, command)
			late[i] = float64(time.Since(due).Microseconds()) / 1000
		})
	}
	all.Wait()
	return late, errors.Join(ctx.Err(), errors.Join(failed...))
}

func (p *poster) post(ctx context.Context, account int, command string) error {
	url := p.url + "/accounts/posted-" + strconv.Itoa(account) + "/commands"
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, url, strings.NewReader(command))
	if err != nil {
		return fmt.Errorf("making a request: %w", err)
	}
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("Prefer", "wait=10")
	response, err := p.client.Do(request)
	if err != nil {
		return fmt.Errorf("posting a command: %w", err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(io.LimitReader(response.Body, 1<<16))
	if err != nil {
		return fmt.Errorf("reading the answer: %w", err)
	}
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("%w: %s: %s", errAnswer, response.Status, body)
	}
	return nil
}
