package main

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"

	"github.com/diorama-lab/diorama/internal/control"
	"github.com/diorama-lab/diorama/ui"
)

// page measures how large the page is, and how soon a real browser paints it.
// Without Node or a browser the latter is left out, and said.
func (b *bench) page(s control.Status) error {
	size, err := scriptSize()
	if err != nil {
		return err
	}
	b.add("page: JavaScript, gzip", "kB", new(900.0), size)
	cmd := exec.CommandContext(b.ctx, "node", "ui/e2e/figures.mjs", s.Endpoints.Dashboards)
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		fmt.Fprintf(os.Stderr, "the page's first paint is left out: it wants Node, ui/node_modules and chromium: %v\n", err)
		return nil
	}
	var painted struct{ FirstPaint, FirstPanel, AllPanels []float64 }
	if err := json.Unmarshal(out, &painted); err != nil {
		return fmt.Errorf("reading what ui/e2e/figures.mjs measured: %w", err)
	}
	b.add("page: first paint of a dashboard", "ms", new(2000.0), painted.FirstPaint...)
	b.add("page: its first panel with data", "ms", nil, painted.FirstPanel...)
	b.add("page: all panels in view with data", "ms", nil, painted.AllPanels...)
	return nil
}

// scriptSize returns the kilobytes of all JavaScript of the page, each file
// compressed by itself.
func scriptSize() (float64, error) {
	page, built := ui.FS()
	if !built {
		return 0, errors.New("the page is not built: run make build first")
	}
	files, err := fs.Glob(page, "assets/*.js")
	if err != nil {
		return 0, err
	}
	var compressed bytes.Buffer
	for _, name := range files {
		content, err := fs.ReadFile(page, name)
		if err != nil {
			return 0, err
		}
		w := gzip.NewWriter(&compressed)
		if _, err := w.Write(content); err != nil {
			return 0, err
		}
		if err := w.Close(); err != nil {
			return 0, err
		}
	}
	return float64(compressed.Len()) / 1e3, nil
}
