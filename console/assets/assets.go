package assets

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"fmt"
	"net/http"
	"path"
	"strconv"
	"strings"
	"sync"
)

//go:embed style.css console.js htmx.js hx-sse.js
var files embed.FS

// Below is the path that all addresses begin with.
const Below = "/console/assets/"

// digestLength is how many hex digits of the digest an address has: enough that no two versions share one.
const digestLength = 12

type asset struct {
	address, media string
	plain, packed  []byte // packed is nil if it would not be smaller
}

// all returns the files by name. They are packed at the first use.
var all = sync.OnceValue(func() map[string]*asset {
	found := make(map[string]*asset)
	for name, media := range map[string]string{
		"style.css": "text/css; charset=utf-8", "console.js": "text/javascript; charset=utf-8",
		"htmx.js": "text/javascript; charset=utf-8", "hx-sse.js": "text/javascript; charset=utf-8",
	} {
		plain, err := files.ReadFile(name)
		if err != nil {
			panic(fmt.Sprintf("assets: %s is not part of the program: %v", name, err))
		}
		digest := sha256.Sum256(plain)
		kind := path.Ext(name)
		found[name] = &asset{
			address: Below + strings.TrimSuffix(name, kind) + "-" +
				hex.EncodeToString(digest[:])[:digestLength] + kind,
			media: media, plain: plain, packed: pack(plain),
		}
	}
	return found
})

func pack(plain []byte) []byte {
	var b bytes.Buffer
	w, err := gzip.NewWriterLevel(&b, gzip.BestCompression)
	if err != nil {
		return nil
	}
	if _, err := w.Write(plain); err != nil {
		return nil
	}
	if err := w.Close(); err != nil || b.Len() >= len(plain) {
		return nil
	}
	return b.Bytes()
}

// Path returns the address of a file. It panics if there is no such file: names are constants.
func Path(name string) string {
	a, is := all()[name]
	if !is {
		panic("assets: there is no " + name)
	}
	return a.address
}

// Serve answers a request for a file, and reports whether there is one at its path.
func Serve(w http.ResponseWriter, r *http.Request) bool {
	for _, a := range all() {
		if a.address != r.URL.Path {
			continue
		}
		body, header := a.plain, w.Header()
		header.Set("Content-Type", a.media)
		header.Set("Cache-Control", "public, max-age=31536000, immutable")
		header.Set("Vary", "Accept-Encoding")
		if a.packed != nil && strings.Contains(r.Header.Get("Accept-Encoding"), "gzip") {
			body = a.packed
			header.Set("Content-Encoding", "gzip")
		}
		header.Set("Content-Length", strconv.Itoa(len(body)))
		if r.Method != http.MethodHead {
			_, _ = w.Write(body) // a client that has left is no fault
		}
		return true
	}
	return false
}
