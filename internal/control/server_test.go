package control

import (
	"bytes"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/diorama-lab/diorama/internal/state"
)

// What is no request is refused, and nothing is done.
func TestBadRequests(t *testing.T) {
	client := served(t, &scripted{
		scale: func(Size, func(Progress) error) error { t.Error("it scales"); return nil },
		stop:  func(bool) { t.Error("it stops") },
	})
	for _, test := range []struct {
		method, path, body string
		code               int
	}{
		{http.MethodPost, "/scale", `{"nodes": "three"}`, http.StatusBadRequest},
		{http.MethodPost, "/scale", ``, http.StatusBadRequest},
		{http.MethodPost, "/stop", `{"keepData": 1}`, http.StatusBadRequest},
		{http.MethodPost, "/stop", `{`, http.StatusBadRequest},
		{http.MethodGet, "/stop", ``, http.StatusMethodNotAllowed},
		{http.MethodPost, "/status", ``, http.StatusMethodNotAllowed},
		{http.MethodGet, "/else", ``, http.StatusNotFound},
	} {
		request, err := http.NewRequestWithContext(
			t.Context(), test.method, "http://supervisor"+test.path, bytes.NewReader([]byte(test.body)))
		if err != nil {
			t.Fatal(err)
		}
		response, err := client.http.Do(request)
		if err != nil {
			t.Fatal(err)
		}
		response.Body.Close()
		if response.StatusCode != test.code {
			t.Errorf("%s %s with %q gives %d, want %d", test.method, test.path, test.body, response.StatusCode, test.code)
		}
	}
}

// Only the user may open the socket; the file that a killed supervisor has left
// there is no hindrance.
func TestServe(t *testing.T) {
	dir := shortDir(t)
	socket := leaveSocket(t, dir)
	stop, err := Serve(state.Folder{Path: dir}, socket, &scripted{})
	if err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(socket)
	if err != nil {
		t.Fatal(err)
	}
	if mode := info.Mode(); mode.Type() != os.ModeSocket || mode.Perm() != 0o600 {
		t.Errorf("its mode is %s", mode)
	}
	if status, err := NewClient(state.Record{Control: socket}).Status(t.Context()); err != nil || status.Name != "" {
		t.Errorf("it answers %+v, %v", status, err)
	}
	stop()
	if !gone(socket) || gone(dir) {
		t.Errorf("afterwards the socket is gone: %t, the environment's folder: %t", gone(socket), gone(dir))
	}
}

// A socket that does not fit into the environment's folder goes with the folder
// that was made for it.
func TestServeElsewhere(t *testing.T) {
	folder := state.Folder{Path: "/" + strings.Repeat("long/", 30)}
	socket, err := Path(folder)
	if err != nil {
		t.Fatal(err)
	}
	stop, err := Serve(folder, socket, &scripted{})
	if err != nil {
		t.Fatal(err)
	}
	if !Answers(socket) {
		t.Error("nobody answers")
	}
	stop()
	if !gone(filepath.Dir(socket)) {
		t.Error("its folder is left")
	}
}

func TestServeThatFails(t *testing.T) {
	dir := shortDir(t)
	occupied := filepath.Join(dir, "occupied")
	if err := os.MkdirAll(filepath.Join(occupied, "file"), 0o700); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]string{
		occupied: "removing the old control socket",
		filepath.Join(dir, "none", "control.sock"): "opening the control socket",
	} {
		if _, err := Serve(state.Folder{Path: dir}, path, &scripted{}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("at %s: %v, want %q", path, err, want)
		}
	}
}

// A client that hangs does not keep the supervisor from ending.
func TestServeEndsUnderAClient(t *testing.T) {
	dir := shortDir(t)
	socket := filepath.Join(dir, "control.sock")
	log, listening := NewLog(), make(chan Progress, 1)
	stop, err := Serve(state.Folder{Path: dir}, socket, &scripted{progress: log.Follow})
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() {
		ended <- NewClient(state.Record{Control: socket}).Follow(t.Context(), func(p Progress) { listening <- p })
	}()
	log.Add(Progress{Component: "etcd"})
	received(t, listening)
	stop()
	if err := received(t, ended); err == nil || !strings.Contains(err.Error(), "supervisor") {
		t.Errorf("the client gets %v", err)
	}
}
