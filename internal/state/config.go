package state

import (
	"fmt"
	"os"
	"path/filepath"
)

// WriteConfig is WriteFile for a file whose folder may not be there yet.
func WriteConfig(path string, data []byte) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return fmt.Errorf("making the folder of %s: %w", path, err)
	}
	return WriteFile(path, data)
}
