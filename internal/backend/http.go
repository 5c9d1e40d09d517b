package backend

import (
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"sync"
	"time"
)

// newServer bounds what a client may cost. There is no write timeout: a
// query may take as long as QueryTimeout lets it.
func newServer(h http.Handler) *http.Server {
	return &http.Server{
		Handler:           h,
		ReadHeaderTimeout: 10 * time.Second,
		ReadTimeout:       2 * time.Minute,
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    64 << 10,
	}
}

var errBodyTooLarge = errors.New("body too large")

// limitedBody unpacks and bounds a request's body. It remembers that the
// bound was met: the readers above report all errors as bad requests.
type limitedBody struct {
	io.Reader
	io.Closer
	left     int64
	tooLarge bool
}

func (b *limitedBody) Read(p []byte) (int, error) {
	if int64(len(p)) > b.left+1 {
		p = p[:b.left+1]
	}
	n, err := b.Reader.Read(p)
	b.left -= int64(n)
	if b.left < 0 {
		b.tooLarge = true
		return n, errBodyTooLarge
	}
	return n, err
}

// limitBody replaces the body of r by its unpacked and bounded form.
func limitBody(r *http.Request, limit int64) (*limitedBody, error) {
	body := &limitedBody{Reader: r.Body, Closer: r.Body, left: limit}
	switch encoding := r.Header.Get("Content-Encoding"); encoding {
	case "", "identity":
	case "gzip":
		unpacked, err := gzip.NewReader(r.Body)
		if err != nil {
			return nil, fmt.Errorf("body is no gzip: %w", err)
		}
		body.Reader = unpacked
	default:
		return nil, fmt.Errorf("content encoding %q is not supported; use gzip or none", encoding)
	}
	r.Header.Del("Content-Encoding")
	r.ContentLength = -1
	r.Body = body
	return body, nil
}

// statusRecorder remembers the answer's status for the metrics.
type statusRecorder struct {
	http.ResponseWriter
	code int
}

func (s *statusRecorder) WriteHeader(code int) {
	s.code = code
	s.ResponseWriter.WriteHeader(code)
}

func (s *statusRecorder) Unwrap() http.ResponseWriter { return s.ResponseWriter }

// gate hands requests to the instance that is open, and lets it be exchanged
// when no request uses it any more.
type gate struct {
	mu      sync.RWMutex
	current http.Handler
	ctx     context.Context
	why     http.Handler // answers while nothing is open
}

func (g *gate) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	g.mu.RLock()
	defer g.mu.RUnlock()
	if g.current == nil {
		g.why.ServeHTTP(w, r)
		return
	}
	// A query must not hold up the exchange for minutes.
	ctx, cancel := context.WithCancel(r.Context())
	defer cancel()
	defer context.AfterFunc(g.ctx, cancel)()
	g.current.ServeHTTP(w, r.WithContext(ctx))
}

// open lets requests through to h until ctx ends.
func (g *gate) open(ctx context.Context, h http.Handler) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.current, g.ctx = h, ctx
}

// shut answers requests with why from now on. It returns when none is
// under way any more: the context given to open has to be cancelled before.
func (g *gate) shut(why http.Handler) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.current, g.ctx, g.why = nil, nil, why
}
