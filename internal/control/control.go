// Package control is how commands talk with the supervisor of an environment:
// over HTTP, on a socket in the environment's folder that only the user may open.
package control

import (
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"time"

	"github.com/diorama-lab/diorama/internal/component"
	"github.com/diorama-lab/diorama/internal/state"
)

// Progress is one line of what happens while an environment starts, stops or
// scales.
type Progress struct {
	Component string          `json:"component,omitempty"`
	Phase     component.Phase `json:"phase,omitempty"`
	Took      time.Duration   `json:"took,omitempty"`
	Detail    string          `json:"detail,omitempty"`
	// End marks the last line; Error says why it did not go well.
	End   bool   `json:"end,omitempty"`
	Error string `json:"error,omitempty"`
}

// Size is the body of POST /scale: what the cluster is to have.
type Size struct {
	Nodes int `json:"nodes"`
	Pods  int `json:"pods"`
}

// stopRequest is the body of POST /stop.
type stopRequest struct {
	KeepData bool `json:"keepData"`
}

// Path returns where a supervisor's socket lies: in the folder, or, where that is
// longer than a socket's address may be (104 bytes on macOS), in the folder for
// temporary files.
func Path(folder state.Folder) (string, error) {
	path := filepath.Join(folder.Path, "control.sock")
	if len(path) < 100 {
		return path, nil
	}
	dir, err := os.MkdirTemp("", "diorama-")
	if err != nil {
		return "", fmt.Errorf("making a folder for the control socket: %w", err)
	}
	return filepath.Join(dir, "control.sock"), nil
}

// Remove removes the socket that a supervisor has left, and the folder that Path
// has made for it. One on which somebody listens belongs to another environment: a
// folder may be a copy.
func Remove(folder state.Folder, socket string) error {
	if socket == "" || Answers(socket) {
		return nil
	}
	if err := os.Remove(socket); err != nil && !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("removing the control socket: %w", err)
	}
	if dir := filepath.Dir(socket); dir != folder.Path {
		// One that holds more is not Path's.
		_ = os.Remove(dir)
	}
	return nil
}

// Answers tells whether someone listens on a socket. That its file is there says
// little: a killed supervisor leaves it behind.
func Answers(socket string) bool {
	conn, err := net.Dial("unix", socket)
	if err != nil {
		return false
	}
	// Nothing was sent: there is nothing to lose in closing it.
	_ = conn.Close()
	return true
}
