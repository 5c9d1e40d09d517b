package collector

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// What the process says that checks is what is wrong; that it ends badly is not passed
// over. It has a kubeconfig, which does not stay.
func TestCheckIn(t *testing.T) {
	for name, test := range map[string]struct{ script, want string }{
		"takes it":   {`test -s "$KUBECONFIG"`, ""},
		"refuses it": {"echo 'own.yaml:3: no such receiver'; echo noise >&2", "own.yaml:3: no such receiver"},
		"ends badly": {
			"echo 'panic: out of luck' >&2; exit 2", "own.yaml: the collector cannot load it: exit status 2\npanic: out",
		},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			t.Setenv("TMPDIR", dir)
			executable := filepath.Join(dir, "diorama")
			if err := os.WriteFile(executable, []byte("#!/bin/sh\n"+test.script+"\n"), 0o700); err != nil {
				t.Fatal(err)
			}
			problem := withKubeconfig(filepath.Join(dir, "later"), func(kubeconfig string) error {
				return checkIn(executable, kubeconfig, "own.yaml")
			})
			if (problem == nil) != (test.want == "") || problem != nil && !strings.HasPrefix(problem.Error(), test.want) {
				t.Errorf("got %v, want %s", problem, test.want)
			}
			if left, err := os.ReadDir(dir); err != nil || len(left) != 1 {
				t.Errorf("left are %v, %v", left, err)
			}
		})
	}
}
