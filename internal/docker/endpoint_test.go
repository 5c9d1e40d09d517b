package docker

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/docker/docker/client"
)

// clean keeps the tests from the machine's own Docker.
func clean(t *testing.T) (folder string) {
	t.Helper()
	folder = t.TempDir()
	t.Setenv(client.EnvOverrideHost, "")
	t.Setenv("DOCKER_CONTEXT", "")
	t.Setenv("DOCKER_CONFIG", folder)
	return folder
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o700), os.WriteFile(path, []byte(text), 0o600)); err != nil {
		t.Fatal(err)
	}
}

func TestFindEndpoint(t *testing.T) {
	folder := clean(t)
	expect := func(want string) {
		t.Helper()
		got, err := FindEndpoint()
		if err != nil || got.String() != want {
			t.Errorf("found %q, %v; want %q", got, err, want)
		}
	}
	expect(client.DefaultDockerHost)
	write(t, filepath.Join(folder, "config.json"), `{"currentContext": "colima", "auths": {}}`)
	id := sha256.Sum256([]byte("colima"))
	meta := filepath.Join(folder, "contexts", "meta", hex.EncodeToString(id[:]), "meta.json")
	write(t, meta, `{"Name": "colima", "Endpoints": {"docker": {"Host": "unix:///home/me/colima.sock"}}}`)
	expect(`unix:///home/me/colima.sock (from context "colima")`)
	t.Setenv("DOCKER_CONTEXT", "default")
	expect(client.DefaultDockerHost)
	t.Setenv(client.EnvOverrideHost, "unix:///other.sock")
	expect("unix:///other.sock (from DOCKER_HOST)")
}

func TestFindEndpointRefuses(t *testing.T) {
	folder := clean(t)
	t.Setenv("DOCKER_CONTEXT", "gone")
	if _, err := FindEndpoint(); err == nil ||
		!strings.Contains(err.Error(), `the Docker context "gone": there is none of that name; `+"`docker context ls`") {
		t.Errorf("a context that is not there gives %v", err)
	}
	t.Setenv("DOCKER_CONTEXT", "")
	write(t, filepath.Join(folder, "config.json"), `{`)
	if _, err := FindEndpoint(); err == nil || !strings.Contains(err.Error(), "config.json") {
		t.Errorf("a broken configuration gives %v", err)
	}
}

func TestUnreachable(t *testing.T) {
	here, named := Endpoint{Host: "unix:///s.sock"}, Endpoint{Host: "unix:///s.sock", From: "DOCKER_HOST"}
	dial := func(err error) error {
		return &net.OpError{Op: "dial", Net: "unix", Err: os.NewSyscallError("connect", err)}
	}
	for name, test := range map[string]struct {
		endpoint Endpoint
		err      error
		path     string
		want     string
	}{
		"no permission": {here, dial(syscall.EACCES), "", "this user may not use its socket; add the user to the group"},
		"not installed": {here, dial(syscall.ENOENT), t.TempDir(), "no Docker engine is installed; install it"},
		"no socket there": {named, dial(syscall.ENOENT), t.TempDir(),
			"(from DOCKER_HOST): the engine does not run; start it"},
		"not running": {here, dial(syscall.ECONNREFUSED), "", "the engine does not run; start it"},
		"hanging": {here, os.ErrDeadlineExceeded, "",
			"it did not answer within 5s; see whether `docker info` answers"},
		"something else": {here, errors.New("odd"), "", "unix:///s.sock: odd"},
	} {
		t.Run(name, func(t *testing.T) {
			if test.path != "" {
				t.Setenv("PATH", test.path)
			}
			if got := test.endpoint.unreachable(test.err); !strings.Contains(got.Error(), test.want) {
				t.Errorf("says %q, want %q", got, test.want)
			}
		})
	}
}

// engine answers on a socket as an engine of a version would.
func engine(t *testing.T, answers map[string]string) Endpoint {
	t.Helper()
	return Endpoint{Host: clientOf(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Api-Version", "1.41")
		for suffix, answer := range answers {
			if strings.HasSuffix(r.URL.Path, suffix) {
				fmt.Fprint(w, answer)
				return
			}
		}
		if !strings.HasSuffix(r.URL.Path, "/_ping") {
			http.Error(w, `{"message": "not here"}`, http.StatusNotFound)
		}
	}).DaemonHost()}
}

func TestConnect(t *testing.T) {
	const version = `{"Version": "20.10.24", "ApiVersion": "1.41"}`
	for name, test := range map[string]struct {
		endpoint Endpoint
		want     string
	}{
		"too old": {engine(t, map[string]string{"/version": `{"Version": "19.03.1", "ApiVersion": "1.40"}`}),
			"version 19.03.1 (API 1.40) is too old; install Docker 20.10 or newer"},
		"Windows": {engine(t, map[string]string{"/version": version, "/info": `{"OSType": "windows"}`}),
			"it runs windows containers; switch it to Linux containers"},
		"elsewhere":       {Endpoint{Host: "tcp://10.0.0.1:2375"}, "it is not on this machine"},
		"over SSH":        {Endpoint{Host: "ssh://me@there"}, "it is not on this machine"},
		"no engine there": {Endpoint{Host: "unix:///nowhere/docker.sock", From: "DOCKER_HOST"}, "the engine does not run"},
	} {
		t.Run(name, func(t *testing.T) {
			e, err := connect(t.Context(), test.endpoint)
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("connected to %v, %v; want an error with %q", e, err, test.want)
			}
		})
	}
	e, err := connect(t.Context(),
		engine(t, map[string]string{"/version": version,
			"/info": `{"OSType": "linux", "SecurityOptions": ["name=seccomp,profile=default", "name=rootless"]}`}))
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	if e.Version != "20.10.24" || !e.rootless || e.user(Spec{AsUser: true}) != "0:0" || e.user(Spec{}) != "" {
		t.Errorf("took it for %+v", e)
	}
}

// An engine may go away between two questions.
func TestConnectToAnEngineThatFails(t *testing.T) {
	e, err := connect(t.Context(), engine(t, map[string]string{"/version": "{"}))
	if err == nil {
		t.Fatalf("connected to %+v", e)
	}
	if errors.Is(err, fs.ErrNotExist) {
		t.Errorf("took it for one that does not run: %v", err)
	}
}
