package library

import (
	"fmt"
	"io/fs"

	"github.com/diorama-lab/diorama/dashboards"
)

// Open returns the dashboards that come with diorama, with a folder of
// the user's on top ("" for none). executable evaluates jsonnet.
func Open(folder string, jsonnetPaths []string, executable string) (*Library, error) {
	shipped, err := fs.Sub(dashboards.FS, "json")
	if err != nil {
		return nil, fmt.Errorf("reading the built-in dashboards: %w", err)
	}
	return &Library{
		Dir: folder, Shipped: shipped, Paths: jsonnetPaths, Evaluate: Command(executable, "jsonnet"),
	}, nil
}
