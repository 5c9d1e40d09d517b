package control

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/diorama-lab/diorama/internal/state"
)

// A socket's file that a killed supervisor left behind does not answer.
func TestAnswers(t *testing.T) {
	socket := filepath.Join(shortDir(t), "control.sock")
	stop, err := Serve(state.Folder{Path: filepath.Dir(socket)}, socket, &scripted{})
	if err != nil {
		t.Fatal(err)
	}
	if !Answers(socket) {
		t.Error("a supervisor that listens does not answer")
	}
	stop()
	left := leaveSocket(t, shortDir(t))
	if Answers(left) {
		t.Error("a file that nobody listens on answers")
	}
}

// What a killed supervisor has left goes, and nothing of others does: the record
// may be that of a folder that was copied or moved.
func TestRemove(t *testing.T) {
	for name, test := range map[string]struct {
		// own tells that the socket is in the environment's folder; files are what
		// lies next to it.
		own   bool
		files []string
		// listened tells that somebody answers there.
		listened bool
		// goes are the socket and its folder.
		socketGoes, folderGoes bool
	}{
		"in the folder":       {own: true, files: []string{"state.json"}, socketGoes: true},
		"alone in the folder": {own: true, socketGoes: true},
		"elsewhere":           {socketGoes: true, folderGoes: true},
		"with other files":    {files: []string{"state.json"}, socketGoes: true},
		"of another one":      {listened: true},
	} {
		t.Run(name, func(t *testing.T) {
			dir := shortDir(t)
			folder := state.Folder{Path: t.TempDir()}
			if test.own {
				folder.Path = dir
			}
			for _, file := range test.files {
				if err := os.WriteFile(filepath.Join(dir, file), nil, 0o600); err != nil {
					t.Fatal(err)
				}
			}
			socket := leaveSocket(t, dir)
			if test.listened {
				stop, err := Serve(state.Folder{Path: dir}, socket, &scripted{})
				if err != nil {
					t.Fatal(err)
				}
				defer stop()
			}
			for range 2 { // the second time there is nothing
				if err := Remove(folder, socket); err != nil {
					t.Fatal(err)
				}
			}
			if gone(socket) != test.socketGoes || gone(dir) != test.folderGoes {
				t.Errorf("gone: the socket %t, its folder %t", gone(socket), gone(dir))
			}
			for _, file := range test.files {
				if gone(filepath.Join(dir, file)) {
					t.Errorf("%s is gone", file)
				}
			}
		})
	}
	if err := Remove(state.Folder{Path: "/env"}, ""); err != nil {
		t.Errorf("a record without a socket: %v", err)
	}
}

func TestRemoveThatFails(t *testing.T) {
	dir := shortDir(t)
	occupied := filepath.Join(dir, "control.sock")
	if err := os.MkdirAll(filepath.Join(occupied, "file"), 0o700); err != nil {
		t.Fatal(err)
	}
	err := Remove(state.Folder{Path: dir}, occupied)
	if err == nil || !strings.Contains(err.Error(), "removing the control socket") {
		t.Errorf("it says %v", err)
	}
}

// A folder with a long path has its socket elsewhere, and still one.
func TestPath(t *testing.T) {
	long := state.Folder{Path: "/" + strings.Repeat("long/", 30)}
	path, err := Path(long)
	if err != nil {
		t.Fatal(err)
	}
	defer os.Remove(filepath.Dir(path))
	if len(path) >= 104 {
		t.Errorf("%s has %d bytes", path, len(path))
	}
	t.Setenv("TMPDIR", filepath.Join(t.TempDir(), "none"))
	if _, err := Path(long); err == nil || !strings.Contains(err.Error(), "a folder for the control socket") {
		t.Errorf("without a folder for temporary files: %v", err)
	}
	if path, err := Path(state.Folder{Path: "/env"}); err != nil || path != "/env/control.sock" {
		t.Errorf("got %s, %v", path, err)
	}
}
