package library

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"path/filepath"
	"slices"
	"time"

	"github.com/fsnotify/fsnotify"
)

const (
	// pause is how long nothing has to change before the folder is read: an
	// editor writes a file in several steps. A folder that never rests is
	// read this long after the first change.
	pause, latest = 50 * time.Millisecond, 400 * time.Millisecond
	// retry is how long after a failure the folder is looked at again.
	retry = time.Second
	// maxWatched bounds the folders that are watched.
	maxWatched = 4096
)

// Watch reads the folder again whenever it, or something that its jsonnet
// imports, changes, and reports what that changed. It returns nil when ctx ends.
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
	unfollowed := ""
	// What changed before the watch began.
	due := time.NewTimer(0)
	defer due.Stop()
	var first time.Time // of the changes that are not read yet
	soon := func() {
		if first.IsZero() {
			first = time.Now()
		}
		due.Reset(quiet(time.Since(first)))
	}
	for {
		select {
		case <-ctx.Done():
			return nil
		case event := <-watcher.Events:
			if event.Op != fsnotify.Chmod {
				soon()
			}
			if event.Has(fsnotify.Remove) || event.Has(fsnotify.Rename) {
				delete(watched, event.Name)
			}
		case <-watcher.Errors: // events were lost: look at everything
			soon()
		case <-due.C:
			first = time.Time{}
			events, stopped := l.Scan(ctx)
			if stopped != nil {
				return nil
			}
			changed(events)
			more, err := l.follow(watcher, watched)
			switch {
			case more: // something may have changed there before it was watched
				due.Reset(0)
			case err != nil:
				due.Reset(retry)
			}
			if text := errorText(err); text != unfollowed {
				unfollowed = text
				if err != nil && !errors.Is(err, fs.ErrNotExist) { // that one Scan has reported
					changed([]Event{{Type: "error", File: l.Dir, Message: text}})
				}
			}
		}
	}
}

// quiet is for how long nothing more has to change, when the first change was
// so long ago.
func quiet(since time.Duration) time.Duration { return max(0, min(pause, latest-since)) }

func errorText(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

// follow watches the folders of the library and of what it imports, and tells
// whether there are more of them than before.
func (l *Library) follow(watcher *fsnotify.Watcher, watched map[string]bool) (more bool, err error) {
	folders := map[string]bool{}
	err = filepath.WalkDir(l.Dir, func(name string, entry fs.DirEntry, err error) error {
		if err != nil && name == l.Dir {
			return err
		}
		if err != nil || !entry.IsDir() {
			return nil
		}
		if name != l.Dir && Skipped(entry.Name()) {
			return filepath.SkipDir
		}
		folders[name] = true
		return nil
	})
	if err != nil {
		return false, fmt.Errorf("watching the dashboards folder: %w", err)
	}
	l.mu.RLock()
	for _, f := range l.files {
		for name := range f.stamps {
			folders[filepath.Dir(name)] = true
		}
	}
	l.mu.RUnlock()
	for _, folder := range slices.Sorted(maps.Keys(folders)) {
		if watched[folder] {
			continue
		}
		if len(watched) >= maxWatched {
			return more, fmt.Errorf("watching the dashboards folder: it has more than %d folders; changes in some are not seen",
				maxWatched)
		}
		if err := watcher.Add(folder); err != nil {
			return more, fmt.Errorf("watching %s: %w", folder, err)
		}
		watched[folder], more = true, true
	}
	return more, nil
}
