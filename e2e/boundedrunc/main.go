// Command boundedrunc runs runc for an engine on a machine that itself lacks
// capabilities, such as a container of a CI system: a privileged container,
// which every node of k3d is, would ask for all of them, and fail. It takes out
// of the container's configuration those that this process may not have, and
// becomes runc. It does the same for processes that are run in a container.
//
// An engine is given it with --add-runtime and --default-runtime.
package main

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	"github.com/moby/sys/capability"
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "boundedrunc:", err)
		os.Exit(1)
	}
}

func run(arguments []string) error {
	switch {
	case slices.Contains(arguments, "create"), slices.Contains(arguments, "run"):
		if err := bound(filepath.Join(option(arguments, "."), "config.json"), "process"); err != nil {
			return err
		}
	case slices.Contains(arguments, "exec"):
		if file := option(arguments, ""); file != "" {
			if err := bound(file); err != nil {
				return err
			}
		}
	}
	runc, err := exec.LookPath("runc")
	if err != nil {
		return err
	}
	return syscall.Exec(runc, append([]string{runc}, arguments...), os.Environ())
}

// option finds the folder of the container that is made (--bundle), or the file
// of the process that is run in one (--process).
func option(arguments []string, otherwise string) string {
	for i, argument := range arguments {
		name, value, joined := strings.Cut(argument, "=")
		switch {
		case !slices.Contains([]string{"--bundle", "-b", "--process", "-p"}, name):
		case joined:
			return value
		case i+1 < len(arguments):
			return arguments[i+1]
		}
	}
	return otherwise
}

// bound rewrites a file with a process as the OCI runtime specification
// describes it, which is under the keys in.
func bound(path string, in ...string) error {
	data, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	var config map[string]any
	if err := json.Unmarshal(data, &config); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	process := config
	for _, key := range in {
		process, _ = process[key].(map[string]any)
	}
	sets, _ := process["capabilities"].(map[string]any)
	if len(sets) == 0 {
		return nil
	}
	own, err := capability.NewPid2(0)
	if err != nil {
		return err
	}
	if err := own.Load(); err != nil {
		return err
	}
	may := map[string]bool{}
	for _, c := range capability.ListKnown() {
		may["CAP_"+strings.ToUpper(c.String())] = own.Get(capability.BOUNDING, c)
	}
	for name, set := range sets {
		all, _ := set.([]any)
		sets[name] = slices.DeleteFunc(all, func(c any) bool { text, _ := c.(string); return !may[text] })
	}
	if data, err = json.Marshal(config); err != nil {
		return err
	}
	return os.WriteFile(path, data, 0o600)
}
