package ui

import (
	"io/fs"
	"testing"
)

func TestFS(t *testing.T) {
	files, built := FS()
	if _, err := fs.Stat(files, ".gitkeep"); err != nil {
		t.Errorf("the folder of the page is not embedded: %v", err)
	}
	if _, err := fs.Stat(files, "index.html"); (err == nil) != built {
		t.Errorf("FS() says built=%v, index.html: %v", built, err)
	}
}
