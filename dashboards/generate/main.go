// Command generate writes json/ from the dashboards of package set.
package main

import (
	"log"
	"os"
	"path/filepath"

	"github.com/diorama-lab/diorama/dashboards/set"
)

const folder = "json"

func main() {
	if err := generate(); err != nil {
		log.Fatal(err)
	}
}

func generate() error {
	files, err := set.Files()
	if err != nil {
		return err
	}
	// What is no longer in the set goes.
	old, err := filepath.Glob(filepath.Join(folder, "*.json"))
	if err != nil {
		return err
	}
	for _, path := range old {
		if _, ok := files[filepath.Base(path)]; !ok {
			if err := os.Remove(path); err != nil {
				return err
			}
		}
	}
	for name, content := range files {
		if err := os.WriteFile(filepath.Join(folder, name), content, 0o644); err != nil {
			return err
		}
	}
	return nil
}
