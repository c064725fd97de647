package simulate_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"strings"
	"sync"
	"time"

	httpwire "refold/client/wire"
)

// Readers ask any pod for any row, all the time. They tell each other nothing but what the checker knows:
// whatever one has been shown, nobody who asks later may be shown an older state of (G11).

// How many readers there are, and how long each pauses at most.
const (
	readers   = 3
	readPause = 120 * time.Millisecond
)

// reads is what came of the readers' questions, and of standbys.
type reads struct {
	seen      []sight // in the order of their answers
	answered  int
	refused   int // with 503 or 504
	failed    int // no answer
	forwarded int // from one pod to another
	takenOver int // partitions, by their standbys
}

// sight is what an answer has shown.
type sight struct {
	by     string
	key    string
	row    string // without its mark; "": none
	before int    // of reads.seen, those that were answered before the question

	asked, answered time.Time

	history bool // it is of the key's history, which has so many events
	events  int
}

// read asks until ctx ends.
func (s *simulation) read(ctx context.Context, number int) {
	r := rand.New(rand.NewPCG(s.seed, 1<<32|uint64(number)))
	known := make(map[string]int64) // the sequences of the rows that it has been shown
	for passes(ctx, time.Duration(1+r.Int64N(int64(readPause)))) {
		key, worker := fmt.Sprint("key-", r.IntN(keys)), r.IntN(len(s.workers))
		q := question{by: fmt.Sprintf("reader %d, pod %d", number, worker), key: key, worker: worker}
		q.history = s.refolds() && r.IntN(4) == 0
		if !q.history && r.IntN(2) == 0 {
			q.atLeast = known[key]
			if r.IntN(4) == 0 {
				q.atLeast++ // what comes next, most likely
			}
			q.waits = r.IntN(2) == 0
		}
		if sequence, is := s.ask(ctx, q); is {
			known[key] = sequence
		}
	}
}

// question is a request for a row.
type question struct {
	by      string
	key     string
	worker  int // who is asked
	atLeast int64
	waits   bool
	history bool // its events are asked for, not its row
}

// ask asks a pod, notes and checks its answer, and returns the sequence that it shows, if it does.
func (s *simulation) ask(ctx context.Context, q question) (sequence int64, is bool) {
	s.mu.Lock()
	before, asked := len(s.reads.seen), time.Now()
	s.mu.Unlock()
	shown, err := s.get(ctx, q)
	shown.by, shown.before, shown.asked, shown.answered = q.by, before, asked, time.Now()
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case errors.Is(err, errRefused):
		s.reads.refused++
		return 0, false
	case errors.Is(err, errWrong):
		s.breaches = append(s.breaches, fmt.Sprintf("%s, %s at least %d: %v", q.by, q.key, q.atLeast, err))
		return 0, false
	case err != nil:
		s.reads.failed++
		return 0, false
	}
	s.reads.answered++
	s.reads.seen = append(s.reads.seen, shown)
	if q.history {
		return 0, false
	}
	sequence, _ = chain{}.Sequence([]byte(shown.row)) // no row: zero
	if sequence < q.atLeast {
		s.breaches = append(s.breaches, fmt.Sprintf("%s, %s at least %d: the answer is %q",
			q.by, q.key, q.atLeast, shown.row))
	}
	return sequence, true
}

var (
	errRefused = errors.New("refused")
	errWrong   = errors.New("a wrong answer")
)

// get asks a pod for a row, or a history.
func (s *simulation) get(ctx context.Context, q question) (shown sight, err error) {
	const patience = 30 * time.Second
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	target := fmt.Sprintf("http://%s/%ss/%s", address(q.worker), aggregate, q.key)
	shown.key, shown.history = q.key, q.history
	switch {
	case q.history:
		target += "/events?limit=1000"
	case q.atLeast > 0:
		target += fmt.Sprint("?atLeast=", q.atLeast)
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, target, http.NoBody)
	if err != nil {
		return shown, err
	}
	if q.waits {
		r.Header.Set("Prefer", "wait=2")
	}
	response, err := s.send(r, onWay{})
	if err != nil {
		return shown, err
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		return shown, err
	}
	switch response.StatusCode {
	case http.StatusOK:
		err = shown.take(q, text)
		return shown, err
	case http.StatusNotFound:
		return shown, nil
	case http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		return shown, errRefused
	}
	return shown, fmt.Errorf("%w: %s: %.200q", errWrong, response.Status, text)
}

// take reads an answer.
func (v *sight) take(q question, text []byte) error {
	if q.history {
		var body httpwire.Events
		if err := json.Unmarshal(text, &body); err != nil {
			return fmt.Errorf("%w: %.200q: %w", errWrong, text, err)
		}
		for i, e := range body.Items {
			if e.Sequence != int64(i+1) {
				return fmt.Errorf("%w: sequence %d is the event no. %d", errWrong, e.Sequence, i+1)
			}
		}
		if v.events = len(body.Items); body.Sequence != int64(v.events) {
			return fmt.Errorf("%w: %d events up to sequence %d", errWrong, v.events, body.Sequence)
		}
		return nil
	}
	var body httpwire.Row
	var row state
	err := json.Unmarshal(text, &body)
	if err == nil {
		err = json.Unmarshal(body.State, &row)
	}
	if err != nil || body.ID != q.key || !strings.HasPrefix(row.Row, fmt.Sprint(body.Sequence, " ")) {
		return fmt.Errorf("%w: %.200q, %w", errWrong, text, err)
	}
	v.row = plain(row.Row)
	return nil
}

// startReaders starts the readers; end stops them.
func (s *simulation) startReaders() (end func()) {
	ctx, cancel := context.WithCancel(context.Background())
	var all sync.WaitGroup
	for n := range readers {
		all.Go(func() { s.read(ctx, n) })
	}
	return func() {
		cancel()
		all.Wait()
	}
}

// allAnswer waits until each pod answers for every key with the row that stands in the end.
func (s *simulation) allAnswer() {
	began := time.Now()
	last, err := s.finalRows()
	for ; err != nil; last, err = s.finalRows() { // a right may still be taken
		if time.Since(began) > patience {
			s.breach("read the input: %v", err)
			return
		}
		<-time.After(time.Second)
	}
	for worker := range s.workers {
		for n := range keys {
			q := question{key: fmt.Sprint("key-", n), worker: worker}
			if !s.answersAtLast(q, sight{key: q.key, row: last[q.key]}, began.Add(patience)) {
				return
			}
			if !s.refolds() {
				continue
			}
			q.history = true
			events, _ := chain{}.Sequence([]byte(last[q.key])) // no row: zero
			want := sight{key: q.key, history: true, events: int(events)}
			if !s.answersAtLast(q, want, began.Add(patience)) {
				return
			}
		}
	}
}

// answersAtLast waits until a question has a certain answer, and reports whether it has.
func (s *simulation) answersAtLast(q question, want sight, until time.Time) bool {
	for {
		got, err := s.get(context.Background(), q)
		if err == nil && got == want {
			return true
		}
		if time.Now().After(until) {
			s.breach("in the end the pod of worker %d answers %+v, %v, not %+v", q.worker, got, err, want)
			return false
		}
		<-time.After(time.Second)
	}
}

// finalRows folds the whole input.
func (s *simulation) finalRows() (map[string]string, error) {
	rows := make(map[string]string)
	for p := range s.partitions {
		inputs, err := s.readTopic(in, p)
		if err != nil {
			return nil, err
		}
		for _, r := range inputs {
			rows[string(r.Key)], _ = fold(rows[string(r.Key)], string(r.Value))
		}
	}
	return rows, nil
}
