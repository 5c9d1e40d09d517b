package dashboard

import (
	"context"
	"fmt"
	"io/fs"
	"path/filepath"
	"time"

	"github.com/fsnotify/fsnotify"
)

const (
	// settle is how long a burst of changes may go on before it is read: an
	// editor writes a file in several steps.
	settle = 50 * time.Millisecond
	// maxWatched bounds the folders that are watched.
	maxWatched = 4096
)

// Watch reads the folder again whenever it, or something that its jsonnet
// imports, changes, and tells what that changed. It returns nil when ctx ends.
func (l *Library) Watch(ctx context.Context, changed func([]Event)) error {
	if l.Dir == "" {
		<-ctx.Done()
		return nil
	}
	watcher, err := fsnotify.NewWatcher()
	if err != nil {
		return fmt.Errorf("watching the dashboards folder: %w", err)
	}
	defer watcher.Close()
	watched := map[string]bool{}
	if err := l.follow(watcher, watched); err != nil {
		return err
	}
	// What changed before the watch began.
	due := time.NewTimer(0)
	defer due.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case event := <-watcher.Events:
			if event.Op != fsnotify.Chmod {
				due.Reset(settle)
			}
			if event.Has(fsnotify.Remove) || event.Has(fsnotify.Rename) {
				delete(watched, event.Name)
			}
		case <-watcher.Errors: // events were lost: look at everything
			due.Reset(settle)
		case <-due.C:
			events, err := l.Scan(ctx)
			if ctx.Err() != nil {
				return nil
			}
			if err != nil {
				events = []Event{{Type: "error", File: l.Dir, Message: err.Error()}}
			}
			changed(events)
			if err := l.follow(watcher, watched); err != nil {
				changed([]Event{{Type: "error", File: l.Dir, Message: err.Error()}})
			}
		}
	}
}

// follow watches the folders of the library and of what it imports.
func (l *Library) follow(watcher *fsnotify.Watcher, watched map[string]bool) error {
	folders := map[string]bool{}
	err := filepath.WalkDir(l.Dir, func(name string, entry fs.DirEntry, err error) error {
		if err != nil || !entry.IsDir() {
			return nil
		}
		if name != l.Dir && skipped(entry.Name()) {
			return filepath.SkipDir
		}
		folders[name] = true
		return nil
	})
	if err != nil {
		return fmt.Errorf("watching the dashboards folder: %w", err)
	}
	l.mu.RLock()
	for _, f := range l.files {
		for name := range f.stamps {
			folders[filepath.Dir(name)] = true
		}
	}
	l.mu.RUnlock()
	for _, folder := range sortedKeys(folders) {
		if watched[folder] {
			continue
		}
		if len(watched) >= maxWatched {
			return fmt.Errorf("watching the dashboards folder: it has more than %d folders; changes in some are not seen", maxWatched)
		}
		if err := watcher.Add(folder); err != nil {
			return fmt.Errorf("watching %s: %w", folder, err)
		}
		watched[folder] = true
	}
	return nil
}
