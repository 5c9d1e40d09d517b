// Command boundedrunc runs runc for an engine on a machine that itself lacks
// capabilities, such as a container of a CI system: a privileged container,
// which every node of k3d is, would ask for all of them, and fail. It takes out
// of the container's configuration those that this process may not have, and
// becomes runc.
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
	if bundle, creates := bundleOf(arguments); creates {
		if err := bound(filepath.Join(bundle, "config.json")); err != nil {
			return err
		}
	}
	runc, err := exec.LookPath("runc")
	if err != nil {
		return err
	}
	return syscall.Exec(runc, append([]string{runc}, arguments...), os.Environ())
}

// bundleOf finds the folder of the container that a command line makes.
func bundleOf(arguments []string) (bundle string, creates bool) {
	creates = slices.Contains(arguments, "create") || slices.Contains(arguments, "run")
	bundle = "."
	for i, argument := range arguments {
		name, value, joined := strings.Cut(strings.TrimLeft(argument, "-"), "=")
		switch {
		case argument == name || name != "bundle" && name != "b":
		case joined:
			bundle = value
		case i+1 < len(arguments):
			bundle = arguments[i+1]
		}
	}
	return bundle, creates
}

// bound rewrites a configuration as the OCI runtime specification describes it.
func bound(path string) error {
	data, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	var config map[string]any
	if err := json.Unmarshal(data, &config); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	process, _ := config["process"].(map[string]any)
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
