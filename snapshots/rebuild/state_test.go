package rebuild

import (
	"encoding/json"
	"errors"
	"slices"
	"testing"
	"time"
)

// story applies values under keys, in order; nil is a tombstone.
func story(t *testing.T, s *State, keysAndValues ...any) {
	t.Helper()
	for i := 0; i < len(keysAndValues); i += 2 {
		name, _ := keysAndValues[i].(string)
		var value []byte
		if v := keysAndValues[i+1]; v != nil {
			var err error
			if value, err = json.Marshal(v); err != nil {
				t.Fatal(err)
			}
		}
		if err := s.Apply([]byte(name), value); err != nil {
			t.Fatal(err)
		}
	}
}

func asked(id string) Request {
	return Request{ID: id, Group: "accounts", Partitions: 2, By: "me", Time: time.Unix(1, 0)}
}

func TestStageOfARefold(t *testing.T) {
	cancelled := asked("r")
	cancelled.Cancelled = &Cancellation{By: "me"}
	cases := map[string]struct {
		a, b Stage
		want Stage
	}{
		"nobody has begun":            {a: Waiting, b: Waiting, want: Waiting},
		"one has begun":               {a: Folding, b: Waiting, want: Folding},
		"one has ended":               {a: Done, b: Comparing, want: Comparing},
		"one has ended, one waits":    {a: Done, b: Waiting, want: Waiting},
		"both have ended":             {a: Done, b: Done, want: Done},
		"one has failed, one goes on": {a: Failed, b: Folding, want: Folding},
		"one has failed":              {a: Failed, b: Done, want: Failed},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			var s State
			story(t, &s, "accounts/requests/r", asked("r"),
				"accounts/requests/r/0", PartitionProgress{Stage: c.a},
				"accounts/requests/r/1", PartitionProgress{Stage: c.b})
			r, _ := s.Rebuild("r")
			if got := r.Stage(); got != c.want {
				t.Errorf("it is %s, want %s", got, c.want)
			}
			if _, open := s.Open("accounts"); open == c.want.Final() {
				t.Errorf("open: %v", open)
			}
			story(t, &s, "accounts/requests/r", cancelled)
			if _, open := s.Open("accounts"); open {
				t.Error("it is cancelled and open")
			}
		})
	}
}

// Who asks while a rebuild is open may have been too quick to see it: then it is done next.
func TestRefoldsAreDoneOneAfterTheOther(t *testing.T) {
	var s State
	story(t, &s, "accounts/requests/x", asked("x"), "accounts/requests/a", asked("a"))
	if r, _ := s.Open("accounts"); r.ID != "x" {
		t.Errorf("%s is open", r.ID)
	}
	story(t, &s, "accounts/requests/x/0", PartitionProgress{Stage: Done}, "accounts/requests/x/1",
		PartitionProgress{Stage: Failed})
	if r, _ := s.Open("accounts"); r.ID != "a" {
		t.Errorf("%s is open", r.ID)
	}
	var order []string
	for _, r := range s.Rebuilds("") {
		order = append(order, r.ID)
	}
	if !slices.Equal(order, []string{"a", "x"}) {
		t.Errorf("the newest first: %v", order)
	}
}

// Compaction keeps the newest record of a key where it stands: a request that was cancelled comes after
// what was told of it.
func TestProgressBeforeItsRequest(t *testing.T) {
	var s State
	story(t, &s, "accounts/requests/r/1", PartitionProgress{Stage: Done, Equal: 7})
	if len(s.Rebuilds("")) != 0 {
		t.Error("there is a rebuild that nobody has asked for")
	}
	cancelled := asked("r")
	cancelled.Cancelled = &Cancellation{By: "me"}
	story(t, &s, "accounts/requests/r", cancelled)
	r, _ := s.Rebuild("r")
	if len(r.Progress) != 2 || r.Progress[1].Equal != 7 || r.Progress[0].Stage != Waiting {
		t.Errorf("%+v", r.Progress)
	}
	story(t, &s, "accounts/requests/r", nil, "accounts/requests/r/1", nil)
	if _, known := s.Rebuild("r"); known {
		t.Error("it was forgotten")
	}
}

// G7: the fold version of a partition is the least of those who have written it since its last rebuild.
func TestFoldVersionOfAPartition(t *testing.T) {
	const at, end = "accounts/partitions/3", "accounts/partitions/3/refolded"
	took := func(session string, own, version int) owner {
		return owner{Session: session, Own: own, Version: version}
	}
	cases := map[string]struct {
		records []any
		want    int
		known   bool
	}{
		"nobody has said":       {want: 1},
		"as taken over":         {[]any{at, took("a", 3, 2)}, 2, true},
		"refolded":              {[]any{at, took("a", 3, 2), end, refolded{"a", 3, time.Time{}}}, 3, true},
		"refolded, taken over":  {[]any{end, refolded{"a", 3, time.Time{}}, at, took("b", 3, 3)}, 3, true},
		"an older one took it":  {[]any{end, refolded{"a", 3, time.Time{}}, at, took("b", 2, 2)}, 2, true},
		"a zombie has refolded": {[]any{at, took("b", 2, 2), end, refolded{"a", 3, time.Time{}}}, 2, true},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			var s State
			story(t, &s, c.records...)
			if named := s.Refolded("accounts", 3) != ""; named != slices.Contains(c.records, any(end)) {
				t.Errorf("a rebuild is named: %t", named)
			}
			if v, known := s.FoldVersion("accounts", 3); v != c.want || known != c.known {
				t.Errorf("version %d, %v; want %d, %v", v, known, c.want, c.known)
			}
		})
	}
}

func TestKeysAndBack(t *testing.T) {
	for _, k := range []key{
		{group: "accounts", request: "r", partition: none},
		{group: "accounts", request: "r", partition: 12},
		{group: "x.accounts", partition: 0},
		{group: "x.accounts", partition: 7, refolded: true},
	} {
		if back, err := parseKey(k.String()); err != nil || back != k {
			t.Errorf("%s: %+v, %v", k, back, err)
		}
	}
	for _, text := range []string{
		"", "a", "a/b", "a/requests", "a/requests/", "a/partitions/x", "a/partitions/-1", "/requests/r",
		"a/partitions/1/other", "a/requests/r/x", "a/requests/r/1/2", "a/b/c",
	} {
		if _, err := parseKey(text); !errors.Is(err, errKey) {
			t.Errorf("%q: %v", text, err)
		}
	}
}

// A record of anybody may be refused; it never makes the state unusable.
func FuzzBoard(f *testing.F) {
	f.Add("accounts/requests/r", []byte(`{"id":"r","group":"accounts","partitions":2}`))
	f.Add("accounts/requests/r/1", []byte(`{"stage":"done"}`))
	f.Add("accounts/partitions/0", []byte(`{"session":"a","foldVersion":1}`))
	f.Add("accounts/partitions/0/refolded", []byte(`null`))
	f.Fuzz(func(_ *testing.T, name string, value []byte) {
		var s State
		_ = s.Apply([]byte("accounts/requests/r"), []byte(`{"id":"r","group":"accounts","partitions":2}`))
		_ = s.Apply([]byte(name), value)
		_ = s.Apply([]byte(name), nil)
		_ = s.Apply([]byte(name), value)
		for _, r := range s.Rebuilds("") {
			r.Totals()
		}
		for _, g := range s.Groups() {
			s.Open(g)
			s.Partitions(g)
		}
	})
}
