package jwkstest

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"io"
	"net/http"
)

// hugeBytes is what a huge answer has.
const hugeBytes = 1 << 30

// Behaviour is how an issuer answers. The zero value is without fault.
type Behaviour struct {
	Path string // it is so for this path alone; empty for all

	Down         bool            // the connection is closed without an answer
	Slow         <-chan struct{} // an answer waits until this is closed, or nobody waits for it
	Status       int             // instead of 200, with the same body
	Redirect     string          // to where
	HTML         bool            // a page instead of JSON, as of a captive portal
	Huge         bool            // 1 GiB of JSON
	CacheControl string
	ContentType  string // instead of application/json
	NoETag       bool

	Issuer  string            // what discovery says who it is
	KeysURL string            // what discovery says where the keys are
	Empty   bool              // the key set has none
	Extra   []json.RawMessage // keys that are published beside the issuer's own
}

// answers gives the answers that are none.
func (b *Behaviour) answers(w http.ResponseWriter, r *http.Request, path string) bool {
	if b.Path != "" && b.Path != path {
		*b = Behaviour{}
		return false
	}
	if b.Slow != nil {
		select {
		case <-b.Slow:
		case <-r.Context().Done():
			return true
		}
	}
	switch {
	case b.Down:
		panic(http.ErrAbortHandler)
	case b.Redirect != "":
		http.Redirect(w, r, b.Redirect, http.StatusFound)
	case b.HTML:
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		_, _ = io.WriteString(w, "<!DOCTYPE html><title>Sign in</title>") // whoever asked may be gone
	case b.Huge:
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, `{"keys":[`)
		_, _ = io.CopyN(w, spaces{}, hugeBytes)
		_, _ = io.WriteString(w, `]}`)
	default:
		return false
	}
	return true
}

// write gives an answer with an ETag, or says that it is still the same.
func (b *Behaviour) write(w http.ResponseWriter, r *http.Request, body []byte) {
	sum := sha256.Sum256(body)
	etag := `"` + hex.EncodeToString(sum[:8]) + `"`
	h := w.Header()
	h.Set("Content-Type", cmp.Or(b.ContentType, "application/json"))
	if b.CacheControl != "" {
		h.Set("Cache-Control", b.CacheControl)
	}
	if !b.NoETag {
		h.Set("ETag", etag)
	}
	switch {
	case b.Status != 0:
		w.WriteHeader(b.Status)
	case !b.NoETag && r.Header.Get("If-None-Match") == etag:
		w.WriteHeader(http.StatusNotModified)
		return
	}
	_, _ = w.Write(body) // whoever asked may be gone
}

// spaces reads as spaces without end.
type spaces struct{}

func (spaces) Read(b []byte) (int, error) {
	for n := range b {
		b[n] = ' '
	}
	return len(b), nil
}
