// Package ui holds the page that diorama serves on :3000. Vite builds it from
// the sources in this folder into dist, which is not in git.
package ui

import (
	"embed"
	"io/fs"
)

// The file .gitkeep is in git, so that the package compiles where the page was
// never built.
//
//go:embed all:dist
var dist embed.FS

// FS returns the files of the page, and whether it was built: without Node
// there is an empty folder.
func FS() (files fs.FS, built bool) {
	files, err := fs.Sub(dist, "dist")
	if err != nil {
		// The name is a constant that the compiler has checked.
		panic(err)
	}
	_, err = fs.Stat(files, "index.html")
	return files, err == nil
}
