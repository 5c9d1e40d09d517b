// Package library holds dashboards as files: those of a folder, JSON and
// jsonnet, over those that are shipped. It follows changes and saves.
package library

import (
	"cmp"
	"context"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/diorama-lab/diorama/internal/dashboard/document"
	"github.com/diorama-lab/diorama/internal/dashboard/form"
)

// Library holds the dashboards of a folder over those that are shipped. It
// keeps the last good version of a file that cannot be read any more.
type Library struct {
	// Dir is the folder; empty for none.
	Dir string
	// Shipped are dashboards that are always there; nil for none.
	Shipped fs.FS
	// Paths are further folders that jsonnet imports are looked for in.
	Paths []string
	// Evaluate runs jsonnet.
	Evaluate Evaluator

	// scanning keeps two looks at the folder from crossing.
	scanning sync.Mutex

	mu       sync.RWMutex
	shipped  []*document.Dashboard
	files    map[string]*file
	byUID    map[string]*document.Dashboard
	wrong    map[string][]document.FileError // by the file that cannot be read for it
	versions map[string]int
}

// file is what is known of one file of the folder.
type file struct {
	dashboards []*document.Dashboard
	// parts are what else it holds: rules, and what is neither these nor
	// dashboards.
	parts []form.Part
	// stamps are the file's own and those of what it imports.
	stamps map[string]stamp
	// wrong is what cannot be read of it.
	wrong []document.FileError
}

type stamp struct {
	modified time.Time
	size     int64
}

func stampOf(name string) stamp {
	info, err := os.Stat(name)
	if err != nil {
		return stamp{}
	}
	return stamp{info.ModTime(), info.Size()}
}

// Load reads what is shipped, then the folder.
func (l *Library) Load(ctx context.Context) ([]Event, error) {
	if l.Shipped != nil {
		shipped, err := readShipped(l.Shipped)
		if err != nil {
			return nil, err
		}
		l.mu.Lock()
		l.shipped = shipped
		l.mu.Unlock()
	}
	return l.Scan(ctx)
}

func readShipped(shipped fs.FS) ([]*document.Dashboard, error) {
	var all []*document.Dashboard
	err := fs.WalkDir(shipped, ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || path.Ext(name) != ".json" {
			return err
		}
		data, err := fs.ReadFile(shipped, name)
		if err != nil {
			return err
		}
		d, err := document.Parse(name, data)
		if err == nil {
			all = append(all, d)
		}
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("reading the shipped dashboards: %w", err)
	}
	return all, nil
}

// Scan reads what has changed in the folder and returns what that changed. A
// folder that cannot be read is reported like a file that cannot; the error is
// that of ctx.
func (l *Library) Scan(ctx context.Context) ([]Event, error) {
	l.scanning.Lock()
	defer l.scanning.Unlock()
	return l.scan(ctx)
}

func (l *Library) scan(ctx context.Context) ([]Event, error) {
	l.mu.RLock()
	before := l.files
	l.mu.RUnlock()
	names, err := l.names()
	if err != nil {
		return l.install(before, &document.FileError{File: l.Dir, Message: err.Error()}), nil
	}
	files := map[string]*file{}
	for _, name := range names {
		old := before[name]
		if old != nil && old.fresh() {
			files[name] = old
			continue
		}
		read := l.read(ctx, name)
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		if read.dashboards == nil && read.wrong != nil && old != nil {
			read.dashboards = old.dashboards
		}
		files[name] = read
	}
	return l.install(files, nil), nil
}

// fresh tells that a file, and all that it imports, is as it was read.
func (f *file) fresh() bool {
	for name, stamp := range f.stamps {
		if stampOf(name) != stamp {
			return false
		}
	}
	return true
}

// names lists the files of the folder that may hold dashboards, as paths
// relative to it.
func (l *Library) names() ([]string, error) {
	if l.Dir == "" {
		return nil, nil
	}
	var names []string
	err := filepath.WalkDir(l.Dir, func(name string, entry fs.DirEntry, err error) error {
		if err != nil {
			if name == l.Dir {
				return err
			}
			return nil // it is gone again, or not ours to read
		}
		if entry.IsDir() {
			if name != l.Dir && Skipped(entry.Name()) {
				return filepath.SkipDir
			}
			return nil
		}
		if Readable(entry.Name()) {
			relative, err := filepath.Rel(l.Dir, name)
			if err != nil {
				return err
			}
			names = append(names, filepath.ToSlash(relative))
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("reading the dashboards folder: %w", err)
	}
	return names, nil
}

// Skipped tells that a folder of that name is not searched.
func Skipped(folder string) bool {
	return strings.HasPrefix(folder, ".") || folder == "vendor" || folder == "node_modules"
}

// Get returns the dashboard with a uid.
func (l *Library) Get(uid string) (*document.Dashboard, bool) {
	l.mu.RLock()
	defer l.mu.RUnlock()
	d, ok := l.byUID[uid]
	return d, ok
}

// List returns all dashboards, by title.
func (l *Library) List() []*document.Dashboard {
	l.mu.RLock()
	defer l.mu.RUnlock()
	var all []*document.Dashboard
	for _, uid := range slices.Sorted(maps.Keys(l.byUID)) {
		all = append(all, l.byUID[uid])
	}
	slices.SortStableFunc(all, func(a, b *document.Dashboard) int {
		return cmp.Compare(strings.ToLower(a.Title()), strings.ToLower(b.Title()))
	})
	return all
}

// Folders are the folders that the dashboards are listed in, by name.
func (l *Library) Folders() []string {
	folders := map[string]bool{}
	for _, d := range l.List() {
		folders[d.Folder] = true
	}
	delete(folders, "")
	return slices.Sorted(maps.Keys(folders))
}

// Errors are the files that cannot be read now.
func (l *Library) Errors() []document.FileError {
	l.mu.RLock()
	defer l.mu.RUnlock()
	all := []document.FileError{}
	for _, name := range slices.Sorted(maps.Keys(l.wrong)) {
		all = append(all, l.wrong[name]...)
	}
	return all
}
