package web

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"

	"github.com/diorama-lab/diorama/internal/dashboard/document"
	"github.com/diorama-lab/diorama/internal/dashboard/library"
)

// Follow asks the server at a base URL for the dashboard files that it cannot
// read, and reports each, and each that it can read again, until report
// returns false or ctx ends. A nil event marks the end of those that were
// broken before.
func Follow(ctx context.Context, base string, report func(*library.Event) bool) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, base+ownAPI+"/live", nil)
	if err != nil {
		return fmt.Errorf("asking for changes of dashboards: %w", err)
	}
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	response, err := client.Do(request)
	if err != nil {
		return fmt.Errorf("asking for changes of dashboards: %w", err)
	}
	defer response.Body.Close()
	lines := bufio.NewScanner(response.Body)
	lines.Buffer(nil, document.MaxBytes)
	for lines.Scan() {
		data, isData := strings.CutPrefix(lines.Text(), "data: ")
		if !isData {
			continue
		}
		more, err := pass([]byte(data), report)
		if err != nil || !more {
			return err
		}
	}
	if ctx.Err() != nil {
		return nil
	}
	return fmt.Errorf("the stream of changes of dashboards ended: %w", lines.Err())
}

// pass hands on what a message says.
func pass(data []byte, report func(*library.Event) bool) (bool, error) {
	var message struct {
		library.Event
		Errors []document.FileError `json:"errors"`
	}
	if err := json.Unmarshal(data, &message); err != nil {
		return false, fmt.Errorf("reading a change of dashboards: %w", err)
	}
	switch message.Type {
	case "hello":
		for _, e := range message.Errors {
			if !report(&library.Event{Type: "error", File: e.File, Line: e.Line, Column: e.Column, Message: e.Message}) {
				return false, nil
			}
		}
		return report(nil), nil
	case "error", "ok":
		return report(&message.Event), nil
	}
	return true, nil
}
