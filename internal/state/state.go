// Package state keeps an environment's folder: where it lies, who holds it,
// and what has to be known to recover or remove an environment whose
// supervisor is gone.
package state

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/diorama-lab/diorama/api/v1alpha1"
	"github.com/diorama-lab/diorama/internal/atomicfile"
)

// Record is what an environment's folder says of it. It is written when a
// phase changes, and is true only as long as the folder's lock is held.
type Record struct {
	Environment v1alpha1.Environment `json:"environment"`
	Phase       Phase                `json:"phase"`
	// PID is the supervisor's.
	PID       int           `json:"pid"`
	CreatedAt time.Time     `json:"createdAt"`
	StartedIn time.Duration `json:"startedIn"`
	// Control is the path of the supervisor's socket.
	Control string `json:"control"`
	// Internal are the ports that users need not know.
	Internal map[string]int `json:"internal,omitempty"`
	Context  *Context       `json:"context,omitempty"`
	Message  string         `json:"message,omitempty"`
}

// Context remembers a change to the user's kubeconfig, to take it back.
type Context struct {
	Kubeconfig string `json:"kubeconfig"`
	Name       string `json:"name"`
	Previous   string `json:"previous"`
}

// Phase is where in its life an environment is.
type Phase string

// The phases of an environment. Crashed is never written: it is a running
// phase whose supervisor is gone.
const (
	Starting Phase = "Starting"
	Ready    Phase = "Ready"
	Degraded Phase = "Degraded"
	Stopping Phase = "Stopping"
	Stopped  Phase = "Stopped"
	Failed   Phase = "Failed"
	Crashed  Phase = "Crashed"
)

// Root returns the folder that holds all environments: DIORAMA_HOME, else
// diorama in XDG_STATE_HOME, else ~/.local/state/diorama.
func Root() (string, error) {
	if dir := os.Getenv("DIORAMA_HOME"); dir != "" {
		return filepath.Abs(dir)
	}
	if dir := os.Getenv("XDG_STATE_HOME"); dir != "" {
		return filepath.Join(dir, "diorama"), nil
	}
	home, err := os.UserHomeDir()
	if err != nil {
		return "", fmt.Errorf("finding a place for the state; set DIORAMA_HOME: %w", err)
	}
	return filepath.Join(home, ".local", "state", "diorama"), nil
}

// CacheDir is where what was fetched is kept for all environments: .cache in
// DIORAMA_HOME, else diorama in the user's folder for caches.
func CacheDir() (string, error) {
	if os.Getenv("DIORAMA_HOME") != "" {
		root, err := Root()
		return filepath.Join(root, ".cache"), err
	}
	dir, err := os.UserCacheDir()
	if err != nil {
		return "", fmt.Errorf("finding a place for the cache; set DIORAMA_HOME: %w", err)
	}
	return filepath.Join(dir, "diorama"), nil
}

// Folder is the folder of one environment.
type Folder struct {
	Name string
	Path string
}

// Open returns the folder of an environment, which need not exist.
func Open(name string) (Folder, error) {
	if err := v1alpha1.ValidateName(name); err != nil {
		return Folder{}, err
	}
	root, err := Root()
	if err != nil {
		return Folder{}, err
	}
	return Folder{Name: name, Path: filepath.Join(root, name)}, nil
}

// List returns the folders of all environments, sorted by name.
func List() ([]Folder, error) {
	root, err := Root()
	if err != nil {
		return nil, err
	}
	entries, err := os.ReadDir(root)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("listing environments: %w", err)
	}
	var folders []Folder
	for _, entry := range entries {
		folder := Folder{Name: entry.Name(), Path: filepath.Join(root, entry.Name())}
		if entry.IsDir() && v1alpha1.ValidateName(folder.Name) == nil && folder.Exists() {
			folders = append(folders, folder)
		}
	}
	slices.SortFunc(folders, func(a, b Folder) int { return strings.Compare(a.Name, b.Name) })
	return folders, nil
}

// environmentFile keeps what the supervisor is to bring up.
const environmentFile = "environment.json"

// The layout of an environment's folder.
func (f Folder) file(elem ...string) string {
	return filepath.Join(append([]string{f.Path}, elem...)...)
}

// LogDir holds a log for each component.
func (f Folder) LogDir() string { return f.file("logs") }

// Log is the log of one component.
func (f Folder) Log(component string) string { return f.file("logs", component+".log") }

// DataDir holds what survives down --keep-data.
func (f Folder) DataDir() string { return f.file("data") }

// ConfigDir holds rendered configurations.
func (f Folder) ConfigDir() string { return f.file("config") }

// WriteEnvironment keeps what the supervisor is to bring up.
func (f Folder) WriteEnvironment(env v1alpha1.Environment) error {
	data, err := json.MarshalIndent(env, "", "  ")
	if err != nil {
		return fmt.Errorf("encoding the environment: %w", err)
	}
	return WriteFile(f.file(environmentFile), append(data, '\n'))
}

// ReadEnvironment returns what WriteEnvironment kept.
func (f Folder) ReadEnvironment() (v1alpha1.Environment, error) {
	var env v1alpha1.Environment
	data, err := os.ReadFile(f.file(environmentFile))
	if err == nil {
		err = json.Unmarshal(data, &env)
	}
	if err != nil {
		return env, fmt.Errorf("reading the environment: %w", err)
	}
	return env, nil
}

// HasRecord tells whether a supervisor has ever had the folder.
func (f Folder) HasRecord() bool { return f.has("state.json") }

// Exists tells whether an environment is or was here: also one that did not come as
// far as a record.
func (f Folder) Exists() bool {
	if f.HasRecord() {
		return true
	}
	if env, err := f.ReadEnvironment(); err == nil && env.APIVersion == v1alpha1.APIVersion {
		return true
	}
	if !f.has(lockFile) {
		return false // somebody else's: the lock is the first thing in a folder of ours
	}
	entries, err := os.ReadDir(f.Path)
	for _, entry := range entries {
		if !slices.Contains([]string{lockFile, environmentFile, "logs", "data", "config"}, entry.Name()) {
			return false
		}
	}
	return err == nil && len(entries) > 0
}

func (f Folder) has(name string) bool {
	_, err := os.Stat(f.file(name))
	return err == nil
}

// Create makes the folder and its subfolders, for the user alone.
func (f Folder) Create() error {
	for _, dir := range []string{f.Path, f.LogDir(), f.DataDir(), f.ConfigDir()} {
		if err := makeDir(dir); err != nil {
			return err
		}
	}
	return nil
}

func makeDir(dir string) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("making the environment's folder (DIORAMA_HOME moves it): %w", err)
	}
	return nil
}

// Remove deletes the folder. The caller holds its lock or knows it is free. The lock
// goes last: who takes it finds nothing that is still to be removed.
func (f Folder) Remove() error {
	entries, err := os.ReadDir(f.Path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	problems := []error{err}
	for _, entry := range entries {
		if entry.Name() != lockFile {
			problems = append(problems, os.RemoveAll(f.file(entry.Name())))
		}
	}
	if err := errors.Join(problems...); err != nil {
		return fmt.Errorf("removing the environment's folder: %w", err)
	}
	for _, path := range []string{f.file(lockFile), f.Path} {
		// A folder that is not empty is already that of the next environment.
		err := os.Remove(path)
		if err != nil && !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, unix.ENOTEMPTY) {
			return fmt.Errorf("removing the environment's folder: %w", err)
		}
	}
	// The root goes with the last environment; it stays if it is not empty.
	_ = os.Remove(filepath.Dir(f.Path))
	return nil
}

// RemoveAllButData keeps what a later up of the same name goes on from.
func (f Folder) RemoveAllButData() error {
	return os.RemoveAll(f.LogDir())
}

// Read returns the record, and whether its supervisor is alive. A record of a
// running phase without a supervisor comes back as Crashed, as does a folder without
// a record, which an up has left that was killed.
func (f Folder) Read() (Record, bool, error) {
	r, err := f.record()
	if err != nil {
		return Record{}, false, err
	}
	alive, err := f.Held()
	switch {
	case err != nil:
		return r, false, err
	case !alive:
		r = r.left()
	case errors.Is(unix.Kill(r.PID, 0), unix.ESRCH):
		// Whoever has it now is about to bring it up, and has not written that yet.
		r.Phase = Starting
	}
	return r, alive, nil
}

// ReadHeld returns the record that an earlier supervisor has left. The caller holds
// the lock.
func (f Folder) ReadHeld() (Record, error) {
	r, err := f.record()
	return r.left(), err
}

// left is a record whose supervisor is gone.
func (r Record) left() Record {
	if r.Phase != Stopped && r.Phase != Failed {
		r.Phase = Crashed
	}
	return r
}

func (f Folder) record() (Record, error) {
	data, err := os.ReadFile(f.file("state.json"))
	if errors.Is(err, fs.ErrNotExist) && f.Exists() {
		return f.unrecorded(), nil
	}
	if err != nil {
		return Record{}, fmt.Errorf("reading the environment's state: %w", err)
	}
	var r Record
	if err := json.Unmarshal(data, &r); err != nil {
		return Record{}, fmt.Errorf("reading %s (`diorama down --name %s` removes what is left): %w",
			f.file("state.json"), f.Name, err)
	}
	return r, nil
}

// unrecorded is the record of an environment whose supervisor has not written one.
func (f Folder) unrecorded() Record {
	r := Record{Phase: Starting}
	// It may not have come as far as that either.
	r.Environment, _ = f.ReadEnvironment()
	r.Environment.Name = f.Name
	if info, err := os.Stat(f.Path); err == nil {
		r.CreatedAt = info.ModTime()
	}
	return r
}

// Write replaces the record atomically.
func (f Folder) Write(r Record) error {
	data, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return fmt.Errorf("encoding the environment's state: %w", err)
	}
	return WriteFile(f.file("state.json"), append(data, '\n'))
}

// WriteFile replaces a file atomically, readable by the user alone.
func WriteFile(path string, data []byte) error { return writeFile(path, data, 0o600) }

// WritePublicFile replaces a file atomically, readable by everyone who may
// look into its folder: containers have users of their own.
func WritePublicFile(path string, data []byte) error { return writeFile(path, data, 0o644) }

// CreatePublic makes a folder that everyone may look into who is let into the
// folder above it.
func CreatePublic(path string) error {
	// A folder that is there keeps its mode, and the mask takes of a new one's.
	if err := errors.Join(os.MkdirAll(path, 0o755), os.Chmod(path, 0o755)); err != nil {
		return fmt.Errorf("making the folder %s: %w", path, err)
	}
	return nil
}

func writeFile(path string, data []byte, mode fs.FileMode) error {
	if err := atomicfile.Write(path, mode, data); err != nil {
		return fmt.Errorf("writing %s: %w", path, err)
	}
	return nil
}
