package main

import (
	"archive/tar"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
)

// importedFile has the names of the images that were imported, a line each.
const importedFile = home + "/imported"

// importImages stands for `ctr image import --all-platforms -`: it reads the
// images, as Docker saves them, and keeps their names.
func importImages(args []string, archive io.Reader) error {
	if !slices.Equal(args, []string{"image", "import", "--all-platforms", "-"}) {
		return fmt.Errorf("ctr %q: only image import from standard input is known", args)
	}
	names, err := imageNames(archive)
	if err == nil {
		_, err = io.Copy(io.Discard, archive) // what fills the archive up
	}
	if err != nil {
		return fmt.Errorf("reading the images: %w", err)
	}
	file, err := os.OpenFile(importedFile, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	for _, name := range names {
		_, writing := fmt.Fprintln(file, name)
		err = errors.Join(err, writing)
	}
	return errors.Join(err, file.Close())
}

func imageNames(archive io.Reader) ([]string, error) {
	var names []string
	for reader := tar.NewReader(archive); ; {
		header, err := reader.Next()
		switch {
		case errors.Is(err, io.EOF) && len(names) == 0:
			return nil, errors.New("the archive holds none")
		case errors.Is(err, io.EOF):
			return names, nil
		case err != nil:
			return nil, err
		case header.Name != "manifest.json":
			continue
		}
		var images []struct{ RepoTags []string }
		if err := json.NewDecoder(reader).Decode(&images); err != nil {
			return nil, err
		}
		for _, image := range images {
			names = append(names, image.RepoTags...)
		}
	}
}
