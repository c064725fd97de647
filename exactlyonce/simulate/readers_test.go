package simulate_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"slices"
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
}

// read asks until ctx ends.
func (s *simulation) read(ctx context.Context, number int) {
	r := rand.New(rand.NewPCG(s.seed, 1<<32|uint64(number)))
	known := make(map[string]int64) // the sequences of the rows that it has been shown
	for passes(ctx, time.Duration(1+r.Int64N(int64(readPause)))) {
		key, worker := fmt.Sprint("key-", r.IntN(keys)), r.IntN(len(s.workers))
		q := question{by: fmt.Sprintf("reader %d, pod %d", number, worker), key: key, worker: worker}
		if r.IntN(2) == 0 {
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
}

// ask asks a pod, notes and checks its answer, and returns the sequence that it shows, if it does.
func (s *simulation) ask(ctx context.Context, q question) (sequence int64, is bool) {
	s.mu.Lock()
	before := len(s.reads.seen)
	s.mu.Unlock()
	shown, err := s.get(ctx, q)
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
	s.reads.seen = append(s.reads.seen, sight{q.by, q.key, shown, before})
	sequence, _ = chain{}.Sequence([]byte(shown)) // no row: zero
	if sequence < q.atLeast {
		s.breaches = append(s.breaches, fmt.Sprintf("%s, %s at least %d: the answer is %q",
			q.by, q.key, q.atLeast, shown))
	}
	return sequence, true
}

var (
	errRefused = errors.New("refused")
	errWrong   = errors.New("a wrong answer")
)

// get asks a pod for a row, without its mark; "": there is none.
func (s *simulation) get(ctx context.Context, q question) (row string, err error) {
	const patience = 30 * time.Second
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	target := fmt.Sprintf("http://%s/%ss/%s", address(q.worker), aggregate, q.key)
	if q.atLeast > 0 {
		target += fmt.Sprint("?atLeast=", q.atLeast)
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, target, http.NoBody)
	if err != nil {
		return "", err
	}
	if q.waits {
		r.Header.Set("Prefer", "wait=2")
	}
	response, err := s.send(r, onWay{})
	if err != nil {
		return "", err
	}
	defer response.Body.Close()
	switch response.StatusCode {
	case http.StatusOK:
	case http.StatusNotFound:
		return "", nil
	case http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		return "", errRefused
	default:
		return "", fmt.Errorf("%w: %s", errWrong, response.Status)
	}
	var body httpwire.Row
	var shown state
	text, err := io.ReadAll(response.Body)
	if err == nil {
		err = json.Unmarshal(text, &body)
	}
	if err == nil {
		err = json.Unmarshal(body.State, &shown)
	}
	if err != nil || body.ID != q.key {
		return "", fmt.Errorf("%w: %.200q, %v, %w", errWrong, text, response.Header, err)
	}
	if !strings.HasPrefix(shown.Row, fmt.Sprint(body.Sequence, " ")) {
		return "", fmt.Errorf("%w: sequence %d of %q", errWrong, body.Sequence, shown.Row)
	}
	return plain(shown.Row), nil
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
			if !s.answersAtLast(q, last[q.key], began.Add(patience)) {
				return
			}
		}
	}
}

// answersAtLast waits until a question is answered with a row, and reports whether it was.
func (s *simulation) answersAtLast(q question, want string, until time.Time) bool {
	for {
		row, err := s.get(context.Background(), q)
		if err == nil && row == want {
			return true
		}
		if time.Now().After(until) {
			s.breach("in the end the pod of worker %d answers %q, %v for %s, not %q", q.worker, row, err,
				q.key, want)
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

// checkReads: what was shown are rows that stand in the chain of their key (G4), and who asked later was not
// shown an older one (G11). chains are all states of each key, in order, the first being no row.
func (s *simulation) checkReads(chains map[string][]string) {
	places := make(map[string]map[string]int)
	for key, chain := range chains {
		places[key] = make(map[string]int)
		for i, row := range chain {
			if row != "" { // there is none several times
				places[key][row] = i
			}
		}
	}
	floors := make(map[string][]floor)
	for i, seen := range s.reads.seen {
		least, of := floorBefore(floors[seen.key], seen.before), chains[seen.key]
		if of == nil {
			of = []string{""} // the key has no input
		}
		at, is := places[seen.key][seen.row]
		if seen.row == "" { // the first time that there was none, of those that may be meant
			at = least.place
			for at < len(of) && of[at] != "" {
				at++
			}
			is = at < len(of)
		}
		switch {
		case !is:
			s.breach("%s is shown %q of %s, which never stood there behind %q", seen.by, seen.row, seen.key,
				of[least.place])
		case at < least.place:
			s.breach("%s is shown %q of %s, although %s has been shown %q before", seen.by, seen.row,
				seen.key, least.by, of[least.place])
		case at > floorBefore(floors[seen.key], i).place:
			floors[seen.key] = append(floors[seen.key], floor{i, at, seen.by})
		}
	}
}

// floor is the newest place in its chain that a key has been shown at.
type floor struct {
	after int // this sight
	place int
	by    string
}

// floorBefore is the floor that the first n sights make.
func floorBefore(floors []floor, n int) (f floor) {
	i, _ := slices.BinarySearchFunc(floors, n, func(f floor, n int) int { return f.after - n })
	if i == 0 {
		return f
	}
	return floors[i-1]
}
