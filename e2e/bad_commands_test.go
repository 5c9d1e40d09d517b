//go:build e2e

package e2e

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"
)

var update = flag.Bool("update", false, "write what is said into testdata/bad; read it, and judge")

// badCommand is a command that is wrong, and what is said of it.
type badCommand struct {
	Name string `yaml:"name"`
	// Files are written into the work folder before; a name that ends in / is that
	// of a folder.
	Files map[string]string `yaml:"files,omitempty"`
	Args  []string          `yaml:"args,flow"`
	// Exit, Stdout and Stderr are what comes back, with $WORK for the work folder.
	Exit   int    `yaml:"exit"`
	Stdout string `yaml:"stdout,omitempty"`
	Stderr string `yaml:"stderr"`
}

// Each wrong command is refused with the words that its table has, changes nothing,
// and leaves no process.
func TestBadCommands(t *testing.T) {
	for _, group := range []string{"environment-files", "flags", "templates", "collectors"} {
		t.Run(group, func(t *testing.T) {
			testBadCommands(t, group, func(t *testing.T) *workFolder { return newWorkFolder(t, t.TempDir()) })
		})
	}
}

// So is each wrong change of the size of an environment, which stays as it is.
func TestBadScale(t *testing.T) {
	l := newLab(t)
	l.diorama("up", "--ports", "auto", "--nodes", "2", "--pods", "6")
	before := l.status()
	testBadCommands(t, "scale", func(t *testing.T) *workFolder {
		w := newWorkFolder(t, l.home)
		w.running = true
		return w
	})
	after := l.status()
	is, was := after.Cluster, before.Cluster
	if after.Phase != "Ready" || is.Nodes != was.Nodes || is.Pods != was.Pods {
		t.Errorf("the environment is %s with %+v, and was %+v", after.Phase, is, was)
	}
	for i, c := range after.Components {
		if was := before.Components[i]; c.PID != was.PID || c.Restarts != was.Restarts {
			t.Errorf("%s was %+v and is %+v", c.Name, was, c)
		}
	}
}

// testBadCommands runs the commands of a group, each in a work folder.
func testBadCommands(t *testing.T, group string, folder func(*testing.T) *workFolder) {
	path := filepath.Join("..", "testdata", "bad", group+".yaml")
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var cases []*badCommand
	decoder := yaml.NewDecoder(bytes.NewReader(data))
	decoder.KnownFields(true)
	if err := decoder.Decode(&cases); err != nil {
		t.Fatal(err)
	}
	for _, c := range cases {
		t.Run(c.Name, func(t *testing.T) {
			w := folder(t)
			w.write(c.Files)
			files, processes := w.snapshot(), w.processes()
			got := w.run(c)
			w.unchanged(files)
			for _, process := range w.processes() {
				if !slices.Contains(processes, process) {
					t.Errorf("the process %s was left", process)
				}
			}
			if *update {
				*c = got
			} else if got.Exit != c.Exit || got.Stdout != c.Stdout || got.Stderr != c.Stderr {
				t.Errorf("diorama %q\nends with %d, want %d, and says\n%s%s\nwant\n%s%s",
					c.Args, got.Exit, c.Exit, got.Stdout, got.Stderr, c.Stdout, c.Stderr)
			}
			if got.Exit == 0 {
				t.Error("it is taken")
			}
		})
	}
	if *update {
		writeCases(t, path, data, cases)
	}
}

// writeCases keeps the comment that the file begins with.
func writeCases(t *testing.T, path string, data []byte, cases any) {
	var out bytes.Buffer
	for line := range bytes.Lines(data) {
		if !bytes.HasPrefix(line, []byte("#")) {
			break
		}
		out.Write(line)
	}
	encoder := yaml.NewEncoder(&out)
	encoder.SetIndent(2)
	if err := encoder.Encode(cases); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, out.Bytes(), 0o644); err != nil {
		t.Fatal(err)
	}
}

// workFolder is where a wrong command is given: a folder of the user's, in a home of
// its own.
type workFolder struct {
	t          *testing.T
	home, work string
	env        []string
	// running tells that an environment is up, whose data goes on.
	running bool
}

func newWorkFolder(t *testing.T, home string) *workFolder {
	return &workFolder{t: t, home: home, work: t.TempDir(), env: append(os.Environ(),
		"HOME="+home, "DIORAMA_HOME="+filepath.Join(home, "state"), "KUBECONFIG="+filepath.Join(home, "kubeconfig"),
		"DOCKER_HOST=unix://"+filepath.Join(home, "no-docker.sock"), "NO_COLOR=1",
	)}
}

func (w *workFolder) write(files map[string]string) {
	for name, text := range files {
		path := filepath.Join(w.work, name)
		folder, isFile := filepath.Dir(path), true
		if strings.HasSuffix(name, "/") {
			folder, isFile = path, false
		}
		if err := os.MkdirAll(folder, 0o755); err != nil {
			w.t.Fatal(err)
		}
		if !isFile {
			continue
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			w.t.Fatal(err)
		}
	}
}

// run returns the command with what came back.
func (w *workFolder) run(c *badCommand) badCommand {
	ctx, cancel := context.WithTimeout(w.t.Context(), patience)
	defer cancel()
	args := make([]string, len(c.Args))
	for i, arg := range c.Args {
		args[i] = strings.ReplaceAll(arg, "$WORK", w.work)
	}
	cmd := exec.CommandContext(ctx, binary(w.t, "DIORAMA_BINARY"), args...)
	var stdout, stderr bytes.Buffer
	cmd.Dir, cmd.Env, cmd.Stdout, cmd.Stderr = w.work, w.env, &stdout, &stderr
	err := cmd.Run()
	if err != nil && !errors.As(err, new(*exec.ExitError)) || ctx.Err() != nil {
		w.t.Fatalf("diorama %q: %v, %v", c.Args, err, ctx.Err())
	}
	got, places := *c, strings.NewReplacer(w.work, "$WORK", w.home, "$HOME")
	got.Exit = cmd.ProcessState.ExitCode()
	got.Stdout = places.Replace(stdout.String())
	got.Stderr = places.Replace(tookOf.ReplaceAllString(stderr.String(), "$1"))
	return got
}

// tookOf finds how long a step took, after its name.
var tookOf = regexp.MustCompile(`(?m)^(✓ \S+) +\d+\.\ds$`)

// snapshot is what the files of the work folder and the home hold, by path.
func (w *workFolder) snapshot() map[string]string {
	w.t.Helper()
	files := map[string]string{}
	for _, root := range []string{w.work, w.home} {
		err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
			if err != nil {
				return err
			}
			if entry.IsDir() && w.running && slices.Contains([]string{"data", "logs"}, entry.Name()) {
				return fs.SkipDir
			}
			files[path] = entry.Type().String()
			if !entry.Type().IsRegular() {
				return nil
			}
			data, err := os.ReadFile(path)
			files[path] = fmt.Sprintf("%x", sha256.Sum256(data))
			return err
		})
		if err != nil {
			w.t.Fatal(err)
		}
	}
	return files
}

func (w *workFolder) unchanged(before map[string]string) {
	w.t.Helper()
	after := w.snapshot()
	if maps.Equal(before, after) {
		return
	}
	for path, was := range before {
		if after[path] != was {
			w.t.Errorf("%s has changed", path)
		}
	}
	for path := range after {
		if _, was := before[path]; !was {
			w.t.Errorf("%s was made", path)
		}
	}
}

// processes are those that were started with the folder's home, where the system
// shows that.
func (w *workFolder) processes() []string {
	w.t.Helper()
	environments, err := filepath.Glob("/proc/[0-9]*/environ")
	if err != nil {
		w.t.Fatal(err)
	}
	var found []string
	for _, path := range environments {
		// One that ends in between is not there.
		if data, err := os.ReadFile(path); err == nil && bytes.Contains(data, []byte("HOME="+w.home+"\x00")) {
			found = append(found, filepath.Base(filepath.Dir(path)))
		}
	}
	return found
}
