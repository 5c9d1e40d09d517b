//go:build e2e

package e2e

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	gopsnet "github.com/shirou/gopsutil/v4/net"
)

// write makes a file in the lab and returns its path.
func (l *lab) write(name, content string) string {
	l.t.Helper()
	path := filepath.Join(l.home, name)
	err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o700), os.WriteFile(path, []byte(content), 0o600))
	if err != nil {
		l.t.Fatal(err)
	}
	return path
}

// files lists what lies below a folder of the lab.
func (l *lab) files(folder string) []string {
	l.t.Helper()
	var found []string
	err := filepath.WalkDir(filepath.Join(l.home, folder), func(path string, entry fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err == nil && !entry.IsDir() {
			found = append(found, path)
		}
		return err
	})
	if err != nil {
		l.t.Fatal(err)
	}
	return found
}

// kubectlRaw decodes what the API server answers on a path.
func (l *lab) kubectlRaw(into any, path string) {
	l.t.Helper()
	if err := json.Unmarshal([]byte(l.kubectl("get", "--raw", path)), into); err != nil {
		l.t.Fatalf("%s: %v", path, err)
	}
}

func getJSON(url string, into any) error {
	response, err := http.Get(url)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("%s: %s", url, response.Status)
	}
	return json.NewDecoder(response.Body).Decode(into)
}

// alive tells whether a process exists.
func alive(pid int) bool { return pid != 0 && !errors.Is(syscall.Kill(pid, 0), syscall.ESRCH) }

// checkListeners looks at every socket that the components listen on.
func checkListeners(t *testing.T, s status) {
	listening := 0
	for _, component := range s.Components {
		connections, err := gopsnet.ConnectionsPid("tcp", int32(component.PID))
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range connections {
			if c.Status != "LISTEN" {
				continue
			}
			listening++
			if !net.ParseIP(c.Laddr.IP).IsLoopback() {
				t.Errorf("%s listens on %s:%d", component.Name, c.Laddr.IP, c.Laddr.Port)
			}
		}
	}
	if listening < 10 {
		t.Errorf("only %d listeners were found: the check does not see them", listening)
	}
}

// freeAddress returns a loopback address that is free now.
func freeAddress(t *testing.T) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	return listener.Addr().String()
}
