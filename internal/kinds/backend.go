package kinds

import (
	"maps"
	"path/filepath"
	"slices"
	"strconv"

	"github.com/diorama-lab/diorama/dashboards"
	"github.com/diorama-lab/diorama/internal/loopback"
	"github.com/diorama-lab/diorama/internal/plan"
	"github.com/diorama-lab/diorama/internal/state"
)

// shippedRules adds the rules that come with diorama to the plan's files and
// returns their paths.
func shippedRules(p *plan.Plan, folder state.Folder) ([]string, error) {
	files, err := dashboards.RuleFiles()
	if err != nil {
		return nil, err
	}
	var paths []string
	for _, name := range slices.Sorted(maps.Keys(files)) {
		path := filepath.Join(folder.ConfigDir(), "rules", name)
		p.Files[path] = files[name]
		paths = append(paths, path)
	}
	return paths, nil
}

// backendArgs are the backend's arguments; the user's rules come on top of the
// shipped ones.
func backendArgs(p *plan.Plan, folder state.Folder, shipped []string) []string {
	b := p.Environment.Backend
	args := []string{
		"--listen=" + loopback.Address(p.Environment.Ports.Prometheus),
		"--data=" + filepath.Join(folder.DataDir(), "backend"),
		"--retention=" + b.Retention.String(), "--out-of-order-window=" + b.OutOfOrderWindow.String(),
		"--translation-strategy=" + b.TranslationStrategy, "--max-events=" + strconv.Itoa(b.MaxEvents),
		"--dashboards-url=" + loopback.HTTP(p.Environment.Ports.Dashboards, ""),
	}
	for _, attribute := range b.PromoteResourceAttributes {
		args = append(args, "--promote-resource-attribute="+attribute)
	}
	for _, rules := range slices.Concat(shipped, b.Rules) {
		args = append(args, "--rules="+rules)
	}
	return args
}

// dashboardsArgs are the arguments of what serves dashboards. It reads of the
// cluster what the collectors read too, with their credentials.
func dashboardsArgs(p *plan.Plan, kubeconfig string) []string {
	env := p.Environment
	args := []string{
		"--listen=" + loopback.Address(env.Ports.Dashboards), "--prometheus=" + loopback.HTTP(env.Ports.Prometheus, ""),
		"--scrape-interval=" + env.Telemetry.Interval.String(), "--environment=" + env.Name,
		"--kubeconfig=" + kubeconfig,
	}
	if env.Dashboards.Folder != "" {
		args = append(args, "--dashboards="+env.Dashboards.Folder)
	}
	for _, path := range env.Dashboards.JsonnetPaths {
		args = append(args, "--jsonnet-path="+path)
	}
	return args
}
