package collector

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/diorama-lab/diorama/internal/yamlfile"
)

// CheckVerb is the hidden command that calls CheckFile, and prints what it says.
const CheckVerb = "check-collector"

// checkLimit bounds how long a configuration may take to load.
const checkLimit = 30 * time.Second

// Checks returns a check of the configurations at some paths, "" for none: each is
// loaded as the collector that is built in loads it, in a process as it is one.
// kubeconfig is the file that it will have, which need not be there yet.
func Checks(kubeconfig string, paths ...string) func() error {
	return func() error {
		executable, err := os.Executable()
		if err != nil {
			return fmt.Errorf("finding this executable: %w", err)
		}
		var problems []error
		for _, path := range paths {
			if path == "" {
				continue
			}
			problems = append(problems, withKubeconfig(kubeconfig, func(kubeconfig string) error {
				return checkIn(executable, kubeconfig, path)
			}))
		}
		return errors.Join(problems...)
	}
}

// standIn is what a kubeconfig is while there is no cluster yet: some receivers read
// it when they are made, but ask nobody before they start.
const standIn = `apiVersion: v1
kind: Config
clusters: [{name: none, cluster: {server: "https://127.0.0.1:1"}}]
contexts: [{name: none, context: {cluster: none, user: none}}]
users: [{name: none, user: {}}]
current-context: none
`

// withKubeconfig passes a kubeconfig on that is there: the one at path, or one that
// stands in for it meanwhile.
func withKubeconfig(path string, check func(path string) error) error {
	if _, err := os.Stat(path); err == nil {
		return check(path)
	}
	dir, err := os.MkdirTemp("", "diorama-check-")
	if err != nil {
		return fmt.Errorf("making a folder for a check: %w", err)
	}
	path = filepath.Join(dir, "kubeconfig")
	err = os.WriteFile(path, []byte(standIn), 0o600)
	if err == nil {
		err = check(path)
	}
	return errors.Join(err, os.RemoveAll(dir))
}

// checkIn has a process of its own check a configuration.
func checkIn(executable, kubeconfig, path string) error {
	ctx, cancel := context.WithTimeout(context.Background(), checkLimit)
	defer cancel()
	cmd := exec.CommandContext(ctx, executable, CheckVerb, "--config="+path)
	cmd.Env = append(os.Environ(), "KUBECONFIG="+kubeconfig)
	var found, said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &found, &said
	err := cmd.Run()
	switch text := strings.TrimSpace(found.String()); {
	case ctx.Err() != nil:
		return fmt.Errorf("%s: the collector did not load it within %s", path, checkLimit)
	case text != "":
		return errors.New(text)
	case err != nil:
		return fmt.Errorf("%s: the collector cannot load it: %w\n%s", path, err, strings.TrimSpace(said.String()))
	}
	return nil
}

// CheckFile says what keeps the collector that is built in from running with a
// configuration file, with the lines that can be known.
func CheckFile(ctx context.Context, path string) error {
	known, err := builtIn()
	if err != nil {
		return err
	}
	root, err := checkStructure(path, known)
	if err != nil {
		return err
	}
	c, err := newCollector(RunOptions{ConfigURIs: []string{"file:" + path}})
	if err != nil {
		return err
	}
	return locate(path, root, c.DryRun(ctx))
}

var (
	// ofComponent is how validation says what it speaks of, and built how the
	// pipelines do. Decoding quotes it: quoted, or inComponent, one after the other.
	ofComponent = regexp.MustCompile(`^(\w+(?:::[^:\s]+)+): `)
	built       = regexp.MustCompile(`failed to create "([^"]+)" (receiver|processor|exporter|connector|extension)`)
	otherSignal = regexp.MustCompile(`for data type "(\w+)": telemetry type is not supported`)
	// inQuotes is what a problem quotes last.
	inQuotes    = regexp.MustCompile(`.*"([^"]+)"`)
	quoted      = regexp.MustCompile(`^'([^']*)' `)
	inComponent = regexp.MustCompile(`^(?:error reading configuration for|in) "([^"]+)"(?: id)?: `)
	invalidKeys = regexp.MustCompile(`^has invalid keys: (.+)$`)
	// goType is the name of a type, which says nothing here.
	goType = regexp.MustCompile(`'(?:\w+\.[A-Z]\w*)?' `)
	// noise is what says again that something is wrong.
	noise = regexp.MustCompile(`(?:failed to get config|cannot unmarshal the configuration|` +
		`cannot resolve the configuration|invalid configuration|decoding failed due to the following error\(s\)): ?\s*`)
)

// locate says what the collector said of a configuration, without its frames, and
// where in the file that is.
func locate(path string, root *yaml.Node, err error) error {
	if err == nil {
		return nil
	}
	var problems []error
	for _, problem := range split(goType.ReplaceAllString(noise.ReplaceAllString(err.Error(), ""), "")) {
		keys, said := about(problem)
		line := yamlfile.LineOf(root, keys...)
		if match := inQuotes.FindStringSubmatch(problem); line == 0 && match != nil {
			line = lineWith(root, match[1])
		}
		if line > 0 {
			problems = append(problems, yamlfile.At(line, "%s", said))
			continue
		}
		problems = append(problems, errors.New(said))
	}
	return yamlfile.In(path, errors.Join(problems...))
}

// lineWith is the first line with a value that has a text in it; 0 if none has.
func lineWith(node *yaml.Node, text string) int {
	if node.Kind == yaml.ScalarNode && strings.Contains(node.Value, text) {
		return node.Line
	}
	for _, child := range node.Content {
		if line := lineWith(child, text); line > 0 {
			return line
		}
	}
	return 0
}

// split divides what was found, a line each.
func split(text string) []string {
	var all []string
	for line := range strings.Lines(text) {
		if line = strings.TrimSpace(line); line != "" {
			all = append(all, line)
		}
	}
	return all
}

// about are the keys that lead to what a problem is about, as far as it says that,
// and the problem as people read it.
func about(problem string) (keys []string, said string) {
	if match := ofComponent.FindStringSubmatch(problem); match != nil {
		keys = strings.Split(match[1], "::")
		return keys, strings.Join(keys, ".") + ": " + strings.TrimPrefix(problem, match[0])
	}
	if match := built.FindStringSubmatch(problem); match != nil {
		keys = []string{match[2] + "s", match[1]}
		if signal := otherSignal.FindStringSubmatch(problem); signal != nil {
			return keys, fmt.Sprintf("the %s %q knows no %s; take it out of pipelines of them", match[2], match[1], signal[1])
		}
		return keys, strings.TrimPrefix(problem, "failed to build pipelines: ")
	}
	for rest := problem; ; {
		if match := quoted.FindStringSubmatch(rest); match != nil {
			keys = append(keys, strings.FieldsFunc(match[1], func(r rune) bool { return strings.ContainsRune(".:[]", r) })...)
			rest = rest[len(match[0]):]
			continue
		}
		if match := inComponent.FindStringSubmatch(rest); match != nil {
			keys = append(keys, match[1])
			rest = rest[len(match[0]):]
			continue
		}
		at := strings.Join(keys, ".")
		if match := invalidKeys.FindStringSubmatch(rest); match != nil {
			names := strings.Split(match[1], ", ")
			return append(keys, names[0]), fmt.Sprintf("%s has no key %s", at, match[1])
		}
		if at != "" {
			at += ": "
		}
		return keys, at + rest
	}
}
