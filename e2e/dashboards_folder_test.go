//go:build e2e

package e2e

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

// TestDashboardsFolder serves a folder without an environment: jsonnet is
// evaluated by the binary itself, a broken file is named on the terminal, and
// what is saved is served.
func TestDashboardsFolder(t *testing.T) {
	l := newLab(t)
	folder := filepath.Join(l.home, "boards")
	if err := os.Mkdir(folder, 0o700); err != nil {
		t.Fatal(err)
	}
	l.write("boards/mine.jsonnet", `(import 'title.libsonnet') + {uid: 'mine'}`)
	l.write("boards/title.libsonnet", `{title: 'First'}`)
	l.write("boards/bad.json", "{\n  \"title\": }")
	address, said := l.serve("dashboards", "--listen", "127.0.0.1:0",
		"--prometheus", "http://127.0.0.1:1", "--dashboards", folder)

	title := func(want string) {
		t.Helper()
		eventually(t, "the title "+want, func() error {
			var answer struct{ Dashboard struct{ Title string } }
			err := getJSON(address+"/api/dashboards/uid/mine", &answer)
			if err == nil && answer.Dashboard.Title != want {
				err = fmt.Errorf("the title is %q", answer.Dashboard.Title)
			}
			return err
		})
	}
	title("First")
	said.await(t, `bad.json:2:12: no JSON: invalid character '}' looking for beginning of value`)
	l.write("boards/title.libsonnet", `{title: 'Second'}`)
	title("Second")
	l.write("boards/title.libsonnet", `{title: }`)
	said.await(t, `title.libsonnet:1:9: Unexpected: "}" while parsing terminal`)
	title("Second")
}

// printed is what a running command has printed so far.
type printed struct {
	mu   sync.Mutex
	text strings.Builder
}

func (p *printed) Write(data []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.text.Write(data)
}

// await waits for the first line that has a part, and returns it.
func (p *printed) await(t *testing.T, part string) string {
	t.Helper()
	var found string
	eventually(t, "printing "+part, func() error {
		p.mu.Lock()
		defer p.mu.Unlock()
		for line := range strings.Lines(p.text.String()) {
			if strings.Contains(line, part) {
				found = strings.TrimSpace(line)
				return nil
			}
		}
		return errors.New("not among:\n" + p.text.String())
	})
	return found
}

// serve runs a command that stays until the test ends. It returns the address
// that it says it serves on, and what it says.
func (l *lab) serve(args ...string) (address string, said *printed) {
	l.t.Helper()
	said = &printed{}
	cmd := exec.Command(binary(l.t, "DIORAMA_BINARY"), args...)
	cmd.Env, cmd.Stderr = l.env, said
	if err := cmd.Start(); err != nil {
		l.t.Fatal(err)
	}
	l.t.Cleanup(func() {
		if err := cmd.Process.Signal(os.Interrupt); err != nil {
			l.t.Error(err)
		}
		if err := cmd.Wait(); err != nil {
			l.t.Errorf("diorama %q: %v", args, err)
		}
	})
	line := said.await(l.t, "serving dashboards on http://")
	return line[strings.Index(line, "http://"):], said
}
