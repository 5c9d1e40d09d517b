package plan

import (
	"errors"
	"path/filepath"
	"strings"
	"testing"

	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"

	"github.com/diorama-lab/diorama/internal/component"
	"github.com/diorama-lab/diorama/internal/state"
)

// theirs is a kubeconfig of the user's.
const theirs = `{apiVersion: v1, kind: Config, current-context: theirs,
contexts: [{name: theirs, context: {cluster: c, user: u}}, {name: other, context: {cluster: c, user: u}}]}`

func admin() (*clientcmdapi.Config, error) {
	config := clientcmdapi.NewConfig()
	config.Clusters["c"] = &clientcmdapi.Cluster{Server: "https://127.0.0.1:6443"}
	config.AuthInfos["u"] = &clientcmdapi.AuthInfo{Token: "secret"}
	config.Contexts["x"] = &clientcmdapi.Context{Cluster: "c", AuthInfo: "u"}
	config.CurrentContext = "x"
	return config, nil
}

func contextOf(t *testing.T, h *hosted) component.Component {
	t.Helper()
	runs := KubeContext{Context: ContextName("lab"), Admin: admin}
	return Component{Name: "context", Runs: runs}.Make(h.host(t))
}

// useKubeconfig makes a file with that text the user's kubeconfig.
func useKubeconfig(t *testing.T, text string) string {
	t.Helper()
	path := write(t, inTemp(t, "kubeconfig"), text)
	t.Setenv("KUBECONFIG", path)
	return path
}

// current is the current context of a kubeconfig, and whether it has ours.
func current(t *testing.T, path string) (name string, ours bool) {
	t.Helper()
	config, err := clientcmd.LoadFromFile(path)
	if err != nil {
		t.Fatal(err)
	}
	_, ours = config.Contexts["diorama-lab"]
	return config.CurrentContext, ours
}

func TestKubeContext(t *testing.T) {
	for name, test := range map[string]struct {
		text string
		// before is what a crash has left in the record, but for the path.
		before *state.Context
		// chosen is what the user makes current while the environment is up.
		chosen          string
		previous, after string
	}{
		"another one is current":  {text: theirs, previous: "theirs", after: "theirs"},
		"the user has none":       {text: "{}"},
		"chosen another meantime": {text: theirs, chosen: "other", previous: "theirs", after: "other"},
		"after a crash": {
			text:   strings.ReplaceAll(theirs, "current-context: theirs", "current-context: diorama-lab"),
			before: &state.Context{Name: "diorama-lab", Previous: "theirs"}, previous: "theirs", after: "theirs",
		},
		"chosen another after a crash": {
			text:   strings.ReplaceAll(theirs, "current-context: theirs", "current-context: other"),
			before: &state.Context{Name: "diorama-lab", Previous: "theirs"}, previous: "other", after: "other",
		},
	} {
		t.Run(name, func(t *testing.T) {
			path := useKubeconfig(t, test.text)
			h := &hosted{context: test.before}
			if h.context != nil {
				h.context.Kubeconfig = path
			}
			c := contextOf(t, h)
			if err := started(t.Context(), c); err != nil {
				t.Fatal(err)
			}
			want := state.Context{Kubeconfig: path, Name: "diorama-lab", Previous: test.previous}
			if now, _ := current(t, path); now != "diorama-lab" || h.context == nil || *h.context != want {
				t.Errorf("%s is current, remembered is %+v; want %+v", now, h.context, want)
			}
			if test.chosen != "" {
				write(t, path, strings.ReplaceAll(read(t, path), "current-context: diorama-lab", "current-context: "+test.chosen))
			}
			if err := c.Stop(t.Context()); err != nil {
				t.Fatal(err)
			}
			if now, ours := current(t, path); now != test.after || ours || h.context != nil {
				t.Errorf("afterwards %q is current, ours there: %t, remembered is %+v", now, ours, h.context)
			}
		})
	}
}

// What a crash has left in a file that the user does not name any more goes too.
func TestKubeContextInAnotherFileThanBeforeTheCrash(t *testing.T) {
	first := useKubeconfig(t, theirs)
	h := new(hosted)
	if err := started(t.Context(), contextOf(t, h)); err != nil {
		t.Fatal(err)
	}
	second := useKubeconfig(t, "{}")
	c := contextOf(t, h) // of the next supervisor
	if err := started(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	if now, ours := current(t, first); now != "theirs" || ours {
		t.Errorf("in the first file %q is current, ours there: %t", now, ours)
	}
	if h.context.Kubeconfig != second || h.context.Previous != "" {
		t.Errorf("remembered is %+v", h.context)
	}
	if err := c.Stop(t.Context()); err != nil {
		t.Fatal(err)
	}
}

func TestKubeContextThatFails(t *testing.T) {
	for name, test := range map[string]struct {
		text   string
		admin  func() (*clientcmdapi.Config, error)
		before *state.Context
		want   string
	}{
		"no administrator":   {"{}", func() (*clientcmdapi.Config, error) { return nil, errBroke }, nil, errBroke.Error()},
		"a file of no sense": {"{", admin, nil, "does not parse"},
		"a file before the crash of no sense": {
			"{}", admin, &state.Context{Name: "diorama-lab", Kubeconfig: "broken"}, "taking the context diorama-lab away",
		},
	} {
		t.Run(name, func(t *testing.T) {
			path := useKubeconfig(t, test.text)
			h := &hosted{context: test.before}
			if h.context != nil {
				h.context.Kubeconfig = write(t, filepath.Join(filepath.Dir(path), h.context.Kubeconfig), "{")
			}
			c := Component{Name: "context", Runs: KubeContext{Context: "diorama-lab", Admin: test.admin}}.Make(h.host(t))
			if err := started(t.Context(), c); err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("it says %v, want %q", err, test.want)
			}
			if read(t, path) != test.text {
				t.Errorf("the file is now %s", read(t, path))
			}
		})
	}
}

// A context whose record cannot be written is taken back with the rest, and one
// that cannot be taken back stays in the record.
func TestKubeContextIsTakenBack(t *testing.T) {
	path := useKubeconfig(t, theirs)
	h := &hosted{forgets: errBroke}
	c := contextOf(t, h)
	if err := started(t.Context(), c); !errors.Is(err, errBroke) {
		t.Errorf("it says %v", err)
	}
	h.forgets = nil
	merged := read(t, path)
	write(t, path, "{")
	if err := c.Stop(t.Context()); err == nil || h.context == nil {
		t.Errorf("with a file of no sense: %v, remembered is %+v", err, h.context)
	}
	write(t, path, merged)
	if err := c.Stop(t.Context()); err != nil {
		t.Fatal(err)
	}
	if now, ours := current(t, path); now != "theirs" || ours || h.context != nil {
		t.Errorf("afterwards %q is current, ours there: %t, remembered is %+v", now, ours, h.context)
	}
}
