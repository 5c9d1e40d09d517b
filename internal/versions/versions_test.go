package versions

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

const root = "../.."

// mention is where a document or a build file names a version: each match of
// the pattern has it as its group.
type mention struct{ file, pattern, want string }

// mentions are all of them. What was measured or recorded with a version keeps
// it, and is not among them; nor is the changelog.
func mentions(t *testing.T) []mention {
	t.Helper()
	number := strings.TrimPrefix(Kubernetes, "v")
	numbers := strings.Split(number, ".")
	minor := strings.Join(numbers[:2], ".")
	contrib := moduleVersion(t, "github.com/open-telemetry/opentelemetry-collector-contrib/receiver/kubeletstatsreceiver")
	return []mention{
		{"go.mod", `k8s\.io/kubernetes (\S+)`, Kubernetes},
		{"go.mod", `=> k8s\.io/\S+ v0\.(\S+)`, strings.TrimPrefix(number, "1.")},
		{"Makefile", `KUBERNETES := (\S+)`, Kubernetes},
		{"Makefile", `gitMajor=(\d+)`, numbers[0]},
		{"Makefile", `gitMinor=(\d+)`, numbers[1]},
		{"Makefile", `K3S_IMAGE +\?= (\S+)`, K3s},
		{"Makefile", `WORKLOAD_IMAGE +\?= (\S+)`, Workload},
		{"README.md", `kube-scheduler ([\d.]*\d)`, minor},
		{"dashboards/README.md", `hostmetrics` + "`" + ` \((\d+\.\d+)\)`, contrib[:strings.LastIndex(contrib, ".")]},
		{"docs/docker.md", `beyla: "(\S+)"\} +# the default`, Beyla},
		{"docs/docker.md", `(grafana/otel-lgtm:\d[\d.]*\d)`, LGTM},
		{"docs/k3d.md", `\bLGTM (\d[\d.]*\d)`, LGTM[strings.Index(LGTM, ":")+1:]},
		{"docs/k3d.md", `  version: (\S+) +# exactly`, Chart},
		{"docs/k3d.md", `from (\S+), which is pinned`, Chart},
		{"docs/k3d.md", `helm pull opentelemetry-collector --repo (\S+)`, ChartRepository},
		{"docs/k3d.md", `helm pull .*--version (\S+)`, Chart},
		{"docs/k3d.md", `opentelemetry-collector-(\S+)\.tgz`, Chart},
	}
}

// moduleVersion is the version of a module in go.mod, without its v.
func moduleVersion(t *testing.T, module string) string {
	t.Helper()
	found := regexp.MustCompile(regexp.QuoteMeta(module) + ` v(\S+)`).FindSubmatch(read(t, "go.mod"))
	if found == nil {
		t.Fatalf("go.mod does not require %s", module)
	}
	return string(found[1])
}

func read(t *testing.T, file string) []byte {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root, file))
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func TestEverythingNamesTheSameVersions(t *testing.T) {
	for _, m := range mentions(t) {
		found := 0
		for number, line := range strings.Split(string(read(t, m.file)), "\n") {
			for _, match := range regexp.MustCompile(m.pattern).FindAllStringSubmatch(line, -1) {
				found++
				if match[1] != m.want {
					t.Errorf("%s:%d: it says %q, and has to say %q:\n\t%s", m.file, number+1, match[1], m.want, line)
				}
			}
		}
		if found == 0 {
			t.Errorf("%s: nothing matches %s, which has to say %q: say it, or change the pattern here",
				m.file, m.pattern, m.want)
		}
	}
}

// Programs take them from here.
func TestNoProgramNamesAVersionItself(t *testing.T) {
	for _, folder := range []string{"api", "internal", "dashboards", "e2e"} {
		err := filepath.WalkDir(filepath.Join(root, folder), func(path string, _ fs.DirEntry, err error) error {
			// Tests of packages have versions for examples.
			example := strings.HasSuffix(path, "_test.go") && folder != "e2e"
			if err != nil || filepath.Ext(path) != ".go" || filepath.Base(path) == "versions.go" || example {
				return err
			}
			findVersions(t, strings.TrimPrefix(path, root+"/"))
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
}

// findVersions fails the test for each version in the code of a file.
func findVersions(t *testing.T, file string) {
	t.Helper()
	for number, line := range strings.Split(string(read(t, file)), "\n") {
		code, _, _ := strings.Cut(line, "// ")
		for name, version := range map[string]string{
			"Kubernetes": Kubernetes, "LGTM": LGTM, "Collector": Collector, "Beyla": Beyla, "K3s": K3s,
			"ChartRepository": ChartRepository,
		} {
			if strings.Contains(code, version) {
				t.Errorf("%s:%d: say versions.%s in place of %q", file, number+1, name, version)
			}
		}
	}
}
