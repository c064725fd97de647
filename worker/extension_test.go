package worker

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"slices"
	"testing"
	"time"

	"refold/eventsourcing"
	"refold/kafka/local"
	"refold/processors/accounts"
	"refold/reader"
)

// An extension has routes, sends commands, reads states, and keeps a projection of its own from events.
func TestExtension(t *testing.T) {
	cluster, err := local.Start(local.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer cluster.Close()
	defer http.DefaultClient.CloseIdleConnections()
	var host *Host
	owners := make(chan string, 8)
	w, err := New(install(t, cluster, nil), slog.New(slog.DiscardHandler), func(h *Host) error {
		host = h
		h.Handle("GET /accounts/{id}/owner", "Who owns an account.", http.HandlerFunc(
			func(w http.ResponseWriter, r *http.Request) {
				row, err := State[accounts.Account](h, "account", r.PathValue("id"))
				fmt.Fprint(w, row.State.Owner, " ", row.Sequence, " ", err)
			}))
		h.Background("owners", func(ctx context.Context) error {
			events, err := h.Reader("account", "owners", reader.Type[accounts.AccountOpened]())
			if err != nil {
				return err
			}
			return events.Run(ctx, func(_ context.Context, e eventsourcing.Envelope[any]) error {
				opened, _ := e.Data.(accounts.AccountOpened)
				owners <- opened.Owner
				return nil
			})
		})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- w.Run(ctx) }()
	why := textOf(func() string { return fmt.Sprint(w.preparedCheck()) })
	eventually(t, func() bool {
		return w.preparedCheck() == nil && w.processors[0].Ready() == nil && w.views.Ready() == nil
	}, why)
	for i, owner := range []string{"Zoe", "Ann"} {
		open := accounts.OpenAccount{Owner: owner, Currency: "EUR"}
		err := host.Send(ctx, "account", owner, fmt.Sprint("k-", i), open)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := StateAtLeast[accounts.Account](ctx, host, "account", owner, 1); err != nil {
			t.Fatal(err)
		}
	}
	if got := get(t, "http://"+w.Address()+"/accounts/Zoe/owner"); got != "Zoe 1 <nil>" {
		t.Errorf("the route answers %q", got)
	}
	var ids []string
	for row, err := range States[accounts.Account](host, "account") {
		if err != nil {
			t.Fatal(err)
		}
		ids = append(ids, row.ID)
	}
	if !slices.Equal(ids, []string{"Ann", "Zoe"}) {
		t.Errorf("the states are of %v", ids)
	}
	got := []string{within(t, owners), within(t, owners)}
	slices.Sort(got)
	if !slices.Equal(got, []string{"Ann", "Zoe"}) {
		t.Errorf("the projection has %v", got)
	}
	cancel()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

// A route that is ours already is refused before the worker serves.
func TestExtensionThatCollides(t *testing.T) {
	cluster, err := local.Start(local.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer cluster.Close()
	_, err = New(install(t, cluster, nil), slog.New(slog.DiscardHandler), func(h *Host) error {
		h.Handle("GET /accounts/{id}", "Mine.", http.NotFoundHandler())
		return nil
	})
	if err == nil {
		t.Error("nothing was said")
	}
}

func get(t *testing.T, url string) string {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func within(t *testing.T, from <-chan string) string {
	t.Helper()
	select {
	case text := <-from:
		return text
	case <-time.After(patience):
		t.Fatal("nothing came")
		return ""
	}
}
