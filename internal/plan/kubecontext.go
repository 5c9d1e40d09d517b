package plan

import (
	"context"

	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"

	"github.com/diorama-lab/diorama/internal/component"
	"github.com/diorama-lab/diorama/internal/kubeconfig"
	"github.com/diorama-lab/diorama/internal/state"
)

// KubeContext is the step that makes the environment's context the current one of
// the user's kubeconfig. What was current before is kept over a crash.
type KubeContext struct {
	Does string
	// Context is its name, Admin what it consists of.
	Context string
	Admin   func() (*clientcmdapi.Config, error)
}

func (k KubeContext) describe(d *description) { d.Does = k.Does }

func (k KubeContext) make(c Component, h Host) component.Component {
	step := Step{
		Do:   func(context.Context, func(string)) error { return k.add(h) },
		Undo: func(context.Context) error { return k.remove(h) },
	}
	return step.make(c, h)
}

func (k KubeContext) add(h Host) error {
	admin, err := k.Admin()
	if err != nil {
		return err
	}
	path, err := kubeconfig.Path()
	if err != nil {
		return err
	}
	before := h.Context()
	if before != nil && before.Kubeconfig != path {
		// The user names another file since the crash; nobody else would clear the old one.
		if err := k.remove(h); err != nil {
			return err
		}
		before = nil
	}
	previous, err := kubeconfig.Merge(path, k.Context, admin)
	if err != nil {
		return err
	}
	if previous == "" && before != nil {
		previous = before.Previous
	}
	return h.SetContext(&state.Context{Kubeconfig: path, Name: k.Context, Previous: previous})
}

func (k KubeContext) remove(h Host) error {
	c := h.Context()
	if c == nil {
		return nil
	}
	if err := kubeconfig.Remove(c.Kubeconfig, c.Name, c.Previous); err != nil {
		return err
	}
	return h.SetContext(nil)
}

// ContextName is the name of an environment's context.
func ContextName(environment string) string { return "diorama-" + environment }
