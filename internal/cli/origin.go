package cli

import (
	"cmp"
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"github.com/diorama-lab/diorama/api/v1alpha1"
	"github.com/diorama-lab/diorama/internal/cluster"
)

// readEnvironment reads an environment file over the defaults of a kind; without a
// file ("") it is those. Without a kind ("") it is the file's own.
func readEnvironment(file, kind string) (v1alpha1.Environment, v1alpha1.Origin, error) {
	env, origin := v1alpha1.DefaultOf(cmp.Or(v1alpha1.Kind(kind), v1alpha1.Embedded)), v1alpha1.Origin{}
	if file != "" {
		var err error
		if env, origin, err = v1alpha1.LoadAs(file, v1alpha1.Kind(kind)); err != nil {
			return env, origin, err
		}
	}
	if kind != "" {
		origin.SetBy("kind", "--env")
	}
	return env, origin, nil
}

// environment reads the file and lets the flags that were given win.
func (flags upFlags) environment(cmd *cobra.Command) (v1alpha1.Environment, v1alpha1.Origin, error) {
	if err := checkOutput(flags.output); err != nil {
		return v1alpha1.Environment{}, v1alpha1.Origin{}, err
	}
	env, origin, err := readEnvironment(flags.file, flags.kind)
	if err != nil {
		return env, origin, err
	}
	changed := cmd.Flags().Changed
	for _, given := range []struct {
		flag, field string
		apply       func()
	}{
		{"name", "name", func() { env.Name = flags.name }},
		{"nodes", "cluster.nodes", func() { env.Cluster.Nodes = flags.nodes }},
		{"pods", "cluster.pods", func() { env.Cluster.Pods = flags.pods }},
		{"servers", "cluster.servers", func() { env.Cluster.Servers = flags.servers }},
		{"agents", "cluster.agents", func() { env.Cluster.Agents = flags.agents }},
		{"workloads", "cluster.workloads", func() { env.Cluster.Workloads = flags.workloads }},
		{"kube-context", "cluster.kubeContext", func() { env.Cluster.KubeContext = flags.kubeContext }},
		{"pod-template", "cluster.podTemplate", func() { env.Cluster.PodTemplate = flags.podTemplate }},
		{"collector-config", "telemetry.collectors.cluster",
			func() { env.Telemetry.Collectors.Cluster = flags.collectorConfig }},
		{"node-collector-config", "telemetry.collectors.nodes",
			func() { env.Telemetry.Collectors.Nodes = flags.nodeConfig }},
		{"dashboards", "dashboards.folder", func() { env.Dashboards.Folder = flags.dashboards }},
		{"jsonnet-path", "dashboards.jsonnetPaths", func() { env.Dashboards.JsonnetPaths = flags.jsonnetPaths }},
		{"ports", "ports", func() { env.Ports = v1alpha1.Auto() }},
	} {
		if changed(given.flag) {
			given.apply()
			origin.SetBy(given.field, "--"+given.flag)
		}
	}
	if changed("ports") && flags.ports != "auto" {
		return env, origin, fmt.Errorf("--ports is %q: only auto is known; single ports are set in the environment file",
			flags.ports)
	}
	dir, err := os.Getwd()
	if err != nil {
		return env, origin, fmt.Errorf("finding the working folder: %w", err)
	}
	if env.Dashboards.Folder == "" && !changed("dashboards") {
		if info, err := os.Stat("dashboards"); err == nil && info.IsDir() {
			env.Dashboards.Folder = "dashboards"
		}
	}
	env.ResolvePaths(dir)
	return env, origin, origin.Explain(env.Validate())
}

// checkSize says what is wrong with a size before anything asks for it.
func checkSize(env v1alpha1.Environment, nodes, pods int, podsGiven bool) error {
	env.Cluster.Nodes, env.Cluster.Pods = nodes, pods
	origin := v1alpha1.Origin{}
	origin.SetBy("cluster.nodes", "--nodes")
	origin.SetBy("cluster.pods", "the number of pods")
	if podsGiven {
		origin.SetBy("cluster.pods", "--pods")
	}
	err := env.ValidateSize()
	if err == nil {
		err = cluster.CheckFiles(env.Cluster)
	}
	return origin.Explain(err)
}
