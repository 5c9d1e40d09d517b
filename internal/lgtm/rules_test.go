package lgtm

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestUserRules(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"a.yaml", "b.yaml", "c.txt"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte("groups: []\n"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	to := filepath.Join(dir, "to", "rules")
	if err := WriteRules(filepath.Dir(to), []string{filepath.Join(dir, "*.yaml")}); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"own-0-a.yaml", "own-1-b.yaml", "recording.yaml"} {
		info, err := os.Stat(filepath.Join(to, name))
		if err != nil || info.Mode().Perm() != 0o644 {
			t.Errorf("%s: %v, %v", name, info, err)
		}
	}
	// What is not named any more is gone.
	if err := WriteRules(filepath.Dir(to), nil); err != nil {
		t.Fatal(err)
	}
	if left, err := filepath.Glob(filepath.Join(to, "own-*")); err != nil || len(left) > 0 {
		t.Errorf("rules of an earlier run are left: %q, %v", left, err)
	}
	bad := filepath.Join(dir, "b.yaml")
	unclosed := "groups:\n- name: g\n  rules:\n  - {record: a, expr: 'sum('}\n"
	if err := os.WriteFile(bad, []byte(unclosed), 0o600); err != nil {
		t.Fatal(err)
	}
	all := []string{filepath.Join(dir, "*.yaml")}
	for _, err := range []error{CheckRules(all), WriteRules(filepath.Dir(to), all)} {
		if err == nil || !strings.Contains(err.Error(), bad+":4:23: ") || !strings.Contains(err.Error(), "mend it") {
			t.Errorf("a rule file that does not load gives %v", err)
		}
	}
	if err := WriteRules(filepath.Dir(to), []string{filepath.Join(dir, "*.none")}); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a glob that matches nothing gives %v", err)
	}
}
