package codecs

import (
	"crypto/sha256"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"sync"

	"refold/kafka"
)

// readingCertificates is what fails while the files of certificates are wrong.
const readingCertificates = "read the certificates for the schema registry"

// transport makes the connections. It reads its certificates again when their files have changed, because
// they are renewed while a process runs. While the new ones can't be used, as in the middle of a change, it
// goes on with those that it has.
type transport struct {
	tls    kafka.TLS
	faults *kafka.FaultLog

	mu      sync.Mutex
	digest  [sha256.Size]byte // of the files that current was made of
	current *http.Transport
}

// newTransport returns a transport. The error says which file can't be used.
func newTransport(tls kafka.TLS, faults *kafka.FaultLog) (*transport, error) {
	t := &transport{tls: tls, faults: faults}
	if err := t.renew(); err != nil {
		return nil, err
	}
	return t, nil
}

// RoundTrip sends a request. It costs a read of each file.
func (t *transport) RoundTrip(request *http.Request) (*http.Response, error) {
	return t.latest().RoundTrip(request)
}

func (t *transport) latest() *http.Transport {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.tls == (kafka.TLS{}) {
		return t.current
	}
	if err := t.renew(); err != nil {
		t.faults.Failed(slog.LevelWarn, readingCertificates, err)
	} else {
		t.faults.Ended(readingCertificates)
	}
	return t.current
}

// renew makes current anew if the files have changed.
func (t *transport) renew() error {
	digest := t.fileDigest()
	if t.current != nil && digest == t.digest {
		return nil
	}
	config, err := t.tls.Config()
	if err != nil {
		return fmt.Errorf("section registry: %w", err)
	}
	fresh := http.DefaultTransport.(*http.Transport).Clone()
	fresh.TLSClientConfig = config
	if t.current != nil {
		t.current.CloseIdleConnections() // they were made with the old certificates
	}
	t.current, t.digest = fresh, digest
	return nil
}

// fileDigest returns what tells the files from those of another time. A file that can't be read counts as
// empty: Config says why.
func (t *transport) fileDigest() (digest [sha256.Size]byte) {
	all := sha256.New()
	for _, name := range []string{t.tls.CAFile, t.tls.CertFile, t.tls.KeyFile} {
		text, err := os.ReadFile(name)
		fmt.Fprintln(all, len(text), err == nil)
		_, _ = all.Write(text)
	}
	return [sha256.Size]byte(all.Sum(nil))
}

// CloseIdleConnections closes connections that are not in use.
func (t *transport) CloseIdleConnections() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.current.CloseIdleConnections()
}
