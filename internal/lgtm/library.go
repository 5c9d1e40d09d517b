package lgtm

import (
	"fmt"
	"io/fs"

	"github.com/diorama-lab/diorama/dashboards"
	"github.com/diorama-lab/diorama/internal/dashboard"
)

// OpenLibrary returns the dashboards that come with diorama, with a folder of
// the user's on top ("" for none). executable evaluates jsonnet.
func OpenLibrary(folder string, jsonnetPaths []string, executable string) (*dashboard.Library, error) {
	shipped, err := fs.Sub(dashboards.FS, "json")
	if err != nil {
		return nil, fmt.Errorf("reading the built-in dashboards: %w", err)
	}
	return &dashboard.Library{
		Dir: folder, Shipped: shipped, Paths: jsonnetPaths, Evaluate: dashboard.Command(executable, "jsonnet"),
	}, nil
}
