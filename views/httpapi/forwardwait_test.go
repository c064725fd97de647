package httpapi_test

import (
	"net/http"
	"testing"

	"refold/views/httpapi"
)

// A client that waits also waits for the partition to have an owner: another pod, or the one that was asked.
func TestOwnerIsWaitedFor(t *testing.T) {
	for name, owner := range map[string]func(*scene) *pod{
		"another pod":            func(s *scene) *pod { return s.first },
		"the pod that was asked": func(s *scene) *pod { return s.asked },
	} {
		t.Run(name, func(t *testing.T) {
			s := newScene(t, httpapi.Limits{})
			s.asked.takeFor(s.at)
			got := make(chan *answer, 1)
			go func() { got <- s.asked.request(t, "GET", s.path, "", "Prefer: wait=5") }()
			<-s.asked.vain
			<-s.asked.vain
			s.asked.takeFor(s.at, nowhere(t), nowhere(t), s.second) // none of which is
			<-s.asked.vain
			owner(s).have(s.at, true)
			s.asked.takeFor(s.at, s.first)
			answer := <-got
			answer.want(t, http.StatusOK)
		})
	}
}

// An owner that dies breaks off answer after answer until it is known to be gone. A client that waits gets
// the next owner's, and its command counts once.
func TestDyingOwnerIsWaitedFor(t *testing.T) {
	for _, method := range []string{"GET", "POST"} {
		s := newScene(t, httpapi.Limits{})
		s.second.have(s.at, true)
		s.first.instead(func(w http.ResponseWriter, r *http.Request) {
			if s.first.asked.Load() == 4 {
				s.asked.takeFor(s.at, s.second)
			}
			dies(w, r)
		})
		path, body := s.path, ""
		if method == "POST" {
			path, body = s.path+"/commands", `{"type": "DepositMoney", "data": {"amount": 1}}`
		}
		got := s.asked.request(t, method, path, body, "Prefer: wait=5", "Idempotency-Key: known")
		got.want(t, http.StatusOK)
		if n := s.first.asked.Load(); n != 4 {
			t.Errorf("%s: the owner that died was asked %d times", method, n)
		}
	}
}
