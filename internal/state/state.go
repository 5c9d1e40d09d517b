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
		if entry.IsDir() && folder.Exists() {
			folders = append(folders, folder)
		}
	}
	slices.SortFunc(folders, func(a, b Folder) int { return strings.Compare(a.Name, b.Name) })
	return folders, nil
}

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
	return WriteFile(f.file("environment.json"), append(data, '\n'))
}

// ReadEnvironment returns what WriteEnvironment kept.
func (f Folder) ReadEnvironment() (v1alpha1.Environment, error) {
	var env v1alpha1.Environment
	data, err := os.ReadFile(f.file("environment.json"))
	if err == nil {
		err = json.Unmarshal(data, &env)
	}
	if err != nil {
		return env, fmt.Errorf("reading the environment: %w", err)
	}
	return env, nil
}

// Exists tells whether an environment was ever made here.
func (f Folder) Exists() bool {
	_, err := os.Stat(f.file("state.json"))
	return err == nil
}

// Create makes the folder and its subfolders, for the user alone.
func (f Folder) Create() error {
	for _, dir := range []string{f.Path, f.LogDir(), f.DataDir(), f.ConfigDir()} {
		if err := os.MkdirAll(dir, 0o700); err != nil {
			return fmt.Errorf("making the environment's folder (DIORAMA_HOME moves it): %w", err)
		}
	}
	return nil
}

// Remove deletes the folder. The caller holds its lock or knows it is free.
func (f Folder) Remove() error {
	if err := os.RemoveAll(f.Path); err != nil {
		return fmt.Errorf("removing the environment's folder: %w", err)
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
// running phase without a supervisor comes back as Crashed.
func (f Folder) Read() (Record, bool, error) {
	data, err := os.ReadFile(f.file("state.json"))
	if err != nil {
		return Record{}, false, fmt.Errorf("reading the environment's state: %w", err)
	}
	var r Record
	if err := json.Unmarshal(data, &r); err != nil {
		return Record{}, false, fmt.Errorf("reading %s (diorama down --name %s removes what is left): %w",
			f.file("state.json"), f.Name, err)
	}
	alive, err := f.Held()
	if err != nil {
		return r, false, err
	}
	if !alive && r.Phase != Stopped && r.Phase != Failed {
		r.Phase = Crashed
	}
	return r, alive, nil
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

// Lock is an exclusive hold on an environment's folder. The kernel gives it
// back when the process ends, so that it can never be stale.
type Lock struct{ file *os.File }

// ErrHeld tells that another process holds the folder.
var ErrHeld = errors.New("another process holds the environment")

// Lock takes the folder's lock or fails with ErrHeld. Someone who only looks
// whether it is held (see Held) has it for a moment, so it is tried for a
// while.
func (f Folder) Lock() (*Lock, error) {
	for range 20 {
		lock, err := f.tryLock()
		if !errors.Is(err, ErrHeld) {
			return lock, err
		}
		time.Sleep(10 * time.Millisecond)
	}
	return nil, ErrHeld
}

func (f Folder) tryLock() (*Lock, error) {
	file, err := os.OpenFile(f.file("lock"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("locking the environment's folder: %w", err)
	}
	if err := unix.Flock(int(file.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		file.Close()
		if errors.Is(err, unix.EWOULDBLOCK) {
			return nil, ErrHeld
		}
		return nil, fmt.Errorf("locking the environment's folder: %w", err)
	}
	return &Lock{file: file}, nil
}

// Unlock gives the folder back.
func (l *Lock) Unlock() error { return l.file.Close() }

// Held tells whether a process holds the folder.
func (f Folder) Held() (bool, error) {
	if _, err := os.Stat(f.file("lock")); errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	lock, err := f.tryLock()
	if errors.Is(err, ErrHeld) {
		return true, nil
	}
	if err != nil {
		return false, err
	}
	return false, lock.Unlock()
}
