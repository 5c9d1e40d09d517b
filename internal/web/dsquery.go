package web

import (
	"errors"
	"net/http"
	"time"

	"github.com/diorama-lab/diorama/internal/dashboard/document"
	"github.com/diorama-lab/diorama/internal/dashboard/engine"
)

// dsQuery answers Grafana's query API. The status is that of Grafana: 400 as
// soon as one query has failed.
func (s *server) dsQuery(w http.ResponseWriter, r *http.Request) {
	var body struct {
		Queries []document.Object `json:"queries"`
		From    instant           `json:"from"`
		To      instant           `json:"to"`
	}
	if err := readBody(r, &body); err != nil {
		respondError(w, err)
		return
	}
	shown, err := engine.ParseRange(string(body.From), string(body.To), time.Now(), engine.Calendar{})
	if err == nil && len(body.Queries) == 0 {
		err = errors.New("the body has no queries")
	}
	if err != nil {
		respondError(w, failure(http.StatusBadRequest, "%w", err))
		return
	}
	result := s.engine.Query(r.Context(), body.Queries, engine.Request{Range: shown})
	status := http.StatusOK
	for _, target := range result.Results {
		if target.Error != "" {
			status = http.StatusBadRequest
		}
	}
	respond(w, status, map[string]any{"results": result.Results})
}
