package backend

import (
	"encoding/json"
	"net/http"
)

// envelope is the form of all of Prometheus' JSON answers; ours keep it.
type envelope struct {
	Status    string `json:"status"`
	Data      any    `json:"data,omitempty"`
	ErrorType string `json:"errorType,omitempty"`
	Error     string `json:"error,omitempty"`
}

func respondData(w http.ResponseWriter, data any) {
	respond(w, http.StatusOK, envelope{Status: "success", Data: data})
}

func respondError(w http.ResponseWriter, code int, kind string, err error) {
	respond(w, code, envelope{Status: "error", ErrorType: kind, Error: err.Error()})
}

func respond(w http.ResponseWriter, code int, e envelope) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(code)
	// The client being gone is the only error left, and nobody could be informed.
	_ = json.NewEncoder(w).Encode(e)
}
