package assets_test

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"

	"refold/console/assets"
)

func TestPackedFilesAreTheSame(t *testing.T) {
	for _, name := range []string{"style.css", "console.js", "htmx.js", "hx-sse.js"} {
		get := func(encoding string) *httptest.ResponseRecorder {
			r := httptest.NewRequest(http.MethodGet, assets.Path(name), http.NoBody)
			r.Header.Set("Accept-Encoding", encoding)
			w := httptest.NewRecorder()
			if !assets.Serve(w, r) {
				t.Fatalf("there is no %s", name)
			}
			return w
		}
		plain, packed := get(""), get("br, gzip")
		if packed.Header().Get("Content-Encoding") != "gzip" || packed.Body.Len() >= plain.Body.Len() {
			t.Errorf("%s is not packed: %v", name, packed.Header())
			continue
		}
		unpacked, err := gzip.NewReader(packed.Body)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := io.ReadAll(unpacked); err != nil || !bytes.Equal(got, plain.Body.Bytes()) {
			t.Errorf("%s is another file when packed: %v", name, err)
		}
	}
	if assets.Serve(httptest.NewRecorder(), httptest.NewRequest(http.MethodGet,
		assets.Below+"style.css", http.NoBody)) {
		t.Error("a file is served under an address without a digest")
	}
}

// The files of others are those that README.md says.
func TestFilesOfOthersAreThoseThatWereTaken(t *testing.T) {
	readme, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"htmx.js", "hx-sse.js"} {
		content, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		sum := sha256.Sum256(content)
		if !strings.Contains(string(readme), hex.EncodeToString(sum[:])) {
			t.Errorf("README.md does not have the SHA-256 of %s, %x", name, sum)
		}
	}
}

// A page with the program's policy of contents can't do what these would need.
func TestOurOwnFilesAskNobodyElse(t *testing.T) {
	for _, name := range []string{"style.css", "console.js"} {
		content, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		for _, forbidden := range []string{
			"http://", "https://", "@import", "eval(", "innerHTML",
			"new Function",
		} {
			if strings.Contains(string(content), forbidden) {
				t.Errorf("%s has %q", name, forbidden)
			}
		}
	}
}
