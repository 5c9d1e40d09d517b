package backend

import (
	"net/http"

	"github.com/diorama-lab/diorama/internal/backend/events"
)

// serveEvents answers with the stored events, newest first.
func (in *instance) serveEvents(w http.ResponseWriter, r *http.Request) {
	query, err := events.ParseQuery(r.URL.Query())
	if err != nil {
		respondError(w, http.StatusBadRequest, "bad_data", err)
		return
	}
	page, err := in.events.Find(r.Context(), query)
	if err != nil {
		respondError(w, http.StatusInternalServerError, "internal", err)
		return
	}
	respondData(w, page)
}
