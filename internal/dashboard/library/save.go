package library

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/diorama-lab/diorama/internal/atomicfile"
	"github.com/diorama-lab/diorama/internal/dashboard/document"
)

// Errors of Save that a caller answers in its own way.
var (
	// ErrNoFolder tells that there is nowhere to save to.
	ErrNoFolder = errors.New("there is no dashboards folder to save into; name one with --dashboards")
	// ErrConflict tells that somebody else has saved in between.
	ErrConflict = errors.New("the dashboard has been changed by someone else")
	// ErrRefused tells that what is to be saved cannot be.
	ErrRefused = errors.New("the dashboard cannot be saved")
)

// Save writes a dashboard in its classic form into the folder: over the file
// that it came from, else as FOLDER/UID.json. Unless overwrite is set, its
// version has to be the one that is served. It returns the dashboard as it is
// served from then on, and what changed.
func (l *Library) Save(
	ctx context.Context, object document.Object, folder string, overwrite bool,
) (*document.Dashboard, []Event, error) {
	if l.Dir == "" {
		return nil, nil, ErrNoFolder
	}
	l.scanning.Lock()
	defer l.scanning.Unlock()
	object = object.Copy()
	delete(object, "id") // ids belong to one Grafana's database
	if object.Text("uid") == "" {
		object["uid"] = strings.ToLower(rand.Text()[:14])
	}
	if _, err := document.FromObject("", object.Copy()); err != nil {
		var wrong *document.FileError
		if errors.As(err, &wrong) { // there is no file to name yet
			err = errors.New(wrong.Message)
		}
		return nil, nil, fmt.Errorf("%w: %w", ErrRefused, err)
	}
	if object.Text("title") == "" {
		return nil, nil, fmt.Errorf("%w: it has no title", ErrRefused)
	}
	uid := object.Text("uid")
	current, exists := l.Get(uid)
	if exists && !overwrite && object.Integer("version") != current.Version() {
		return nil, nil, fmt.Errorf("%w: version %d is served, and version %d was to be saved", ErrConflict,
			current.Version(), object.Integer("version"))
	}
	object["version"] = object.Integer("version") + 1
	if exists {
		object["version"] = current.Version() + 1
	}
	name, err := l.fileFor(uid, folder)
	if err != nil {
		return nil, nil, err
	}
	if err := l.write(name, object); err != nil {
		return nil, nil, err
	}
	l.mu.Lock()
	delete(l.files, name) // to be read anew, whatever its time says
	l.mu.Unlock()
	events, err := l.scan(ctx)
	if err != nil {
		return nil, events, err
	}
	saved, ok := l.Get(uid)
	if !ok {
		return nil, events, fmt.Errorf("%s is saved, but is not there when it is read again", name)
	}
	return saved, events, nil
}

// fileFor is the file that a dashboard is saved in, relative to the folder.
func (l *Library) fileFor(uid, folder string) (string, error) {
	l.mu.RLock()
	defer l.mu.RUnlock()
	// Of several files with the uid, one is served: what is changed is that.
	for name, f := range l.files {
		if served := l.byUID[uid]; served == nil || !slices.Contains(f.dashboards, served) {
			continue
		}
		if path.Ext(name) != ".json" || l.byUID[uid].Part != "" {
			return "", fmt.Errorf("%w: it is made by %s; change that file", ErrRefused, l.byUID[uid].Source())
		}
		return name, nil
	}
	file := uid + ".json"
	if !Readable(file) {
		file = "dashboard-" + file // under its own name it would not be read again
	}
	name := path.Join(folder, file)
	if folder != "" && (!filepath.IsLocal(folder) || strings.ContainsAny(folder, `/\`) || Skipped(folder)) {
		return "", fmt.Errorf("%w: %q is no name of a folder", ErrRefused, folder)
	}
	if l.files[name] != nil {
		return "", fmt.Errorf("%w: %s holds something else", ErrRefused, name)
	}
	return name, nil
}

// write replaces a file in one step. Links do not go out of the folder.
func (l *Library) write(name string, object document.Object) error {
	var text bytes.Buffer
	encoder := json.NewEncoder(&text)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	if err := encoder.Encode(object); err != nil {
		return fmt.Errorf("encoding the dashboard: %w", err)
	}
	root, err := os.OpenRoot(l.Dir)
	if err != nil {
		return fmt.Errorf("saving the dashboard: %w", err)
	}
	defer root.Close()
	if err := root.Mkdir(path.Dir(name), 0o755); err != nil && !errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("saving the dashboard: %w", err)
	}
	if err := atomicfile.WriteIn(root, name, 0o644, text.Bytes()); err != nil {
		return fmt.Errorf("saving the dashboard: %w", err)
	}
	return nil
}
