package kinds

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"sync/atomic"

	"github.com/diorama-lab/diorama/internal/dashboard/library"
	"github.com/diorama-lab/diorama/internal/lgtm"
	"github.com/diorama-lab/diorama/internal/loopback"
	"github.com/diorama-lab/diorama/internal/plan"
	"github.com/diorama-lab/diorama/internal/state"
)

const (
	provisioningName = "provisioning"
	// lgtmSelf is the port of the own metrics of the collector in LGTM.
	lgtmSelf = "lgtmCollectorSelf"
)

// grafana keeps fresh what LGTM reads, in its folder dir.
type grafana struct {
	p   *plan.Plan
	dir string
	// follows is there once the step is done.
	follows atomic.Pointer[lgtm.Provisioning]
}

// newGrafana renders what configures LGTM.
func newGrafana(p *plan.Plan, folder state.Folder) (*grafana, error) {
	g := &grafana{p: p, dir: filepath.Join(folder.ConfigDir(), lgtm.Name)}
	files, err := lgtm.Files(g.dir, p.Environment)
	for path, text := range files {
		p.Files[path] = text
	}
	return g, err
}

func (g *grafana) provisioning() plan.Component {
	return plan.Component{Name: provisioningName, Runs: plan.Step{
		Does: "writes the dashboards and rules for Grafana and Prometheus, again whenever one is saved",
		Do:   g.provision, Undo: g.close,
	}}
}

// provision writes what Grafana and Prometheus read, and keeps it fresh.
func (g *grafana) provision(ctx context.Context, _ func(string)) error {
	env := g.p.Environment
	if err := lgtm.WriteRules(g.dir, env.Backend.Rules); err != nil {
		return err
	}
	// The rendered files hold nothing secret, and LGTM has a user of its own.
	for path, text := range g.p.Files {
		if filepath.Dir(path) == g.dir {
			if err := state.WritePublicFile(path, []byte(text)); err != nil {
				return err
			}
		}
	}
	executable, err := os.Executable()
	if err != nil {
		return fmt.Errorf("finding this executable: %w", err)
	}
	boards, err := library.Open(env.Dashboards.Folder, env.Dashboards.JsonnetPaths, executable)
	if err != nil {
		return err
	}
	follows := lgtm.NewProvisioning(boards, g.dir, loopback.HTTP(env.Ports.Dashboards, ""))
	if err := follows.Start(ctx); err != nil {
		return err
	}
	g.follows.Store(follows)
	return nil
}

func (g *grafana) close(context.Context) error {
	if follows := g.follows.Load(); follows != nil {
		follows.Close()
	}
	return nil
}

// warnings are the dashboards that cannot be read, or that Grafana would not take,
// where its page does not say so.
func (g *grafana) warnings() []string {
	if follows := g.follows.Load(); follows != nil {
		return follows.Warnings()
	}
	return nil
}
