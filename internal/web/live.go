package web

import (
	"encoding/json"
	"fmt"
	"net/http"
	"sync"
	"time"

	"github.com/diorama-lab/diorama/internal/dashboard/library"
)

// hub hands events to every open page.
type hub struct {
	mu        sync.Mutex
	listeners map[chan library.Event]struct{}
}

func newHub() *hub { return &hub{listeners: map[chan library.Event]struct{}{}} }

// send does not wait: a listener that does not keep up is dropped, and comes
// back.
func (h *hub) send(event library.Event) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for listener := range h.listeners {
		select {
		case listener <- event:
		default:
			delete(h.listeners, listener)
			close(listener)
		}
	}
}

func (h *hub) listen() (<-chan library.Event, func()) {
	listener := make(chan library.Event, 256)
	h.mu.Lock()
	defer h.mu.Unlock()
	h.listeners[listener] = struct{}{}
	return listener, func() {
		h.mu.Lock()
		defer h.mu.Unlock()
		delete(h.listeners, listener)
	}
}

// stream sends events until the page closes. A comment now and then keeps
// the connection from being taken for dead.
func (s *server) stream(w http.ResponseWriter, r *http.Request) {
	events, end := s.live.listen()
	defer end()
	w.Header().Set("Content-Type", "text/event-stream")
	w.Header().Set("Cache-Control", "no-store")
	controller := http.NewResponseController(w)
	send := func(value any) bool {
		data, err := json.Marshal(value)
		if err != nil {
			return false
		}
		if _, err := fmt.Fprintf(w, "data: %s\n\n", data); err != nil {
			return false
		}
		return controller.Flush() == nil
	}
	if !send(map[string]any{"type": "hello", "errors": s.o.Library.Errors()}) {
		return
	}
	alive := time.NewTicker(20 * time.Second)
	defer alive.Stop()
	for {
		select {
		case <-r.Context().Done():
			return
		case event, open := <-events:
			if !open || !send(event) {
				return
			}
		case <-alive.C:
			if _, err := fmt.Fprint(w, ": alive\n\n"); err != nil || controller.Flush() != nil {
				return
			}
		}
	}
}
