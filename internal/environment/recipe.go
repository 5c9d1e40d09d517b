package environment

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync"

	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"

	"github.com/diorama-lab/diorama/api/v1alpha1"
	"github.com/diorama-lab/diorama/internal/apiretry"
	"github.com/diorama-lab/diorama/internal/component"
	"github.com/diorama-lab/diorama/internal/controlplane"
	"github.com/diorama-lab/diorama/internal/docker"
	"github.com/diorama-lab/diorama/internal/helm"
	"github.com/diorama-lab/diorama/internal/kubeconfig"
	"github.com/diorama-lab/diorama/internal/nodes"
	"github.com/diorama-lab/diorama/internal/portforward"
	"github.com/diorama-lab/diorama/internal/state"
)

// recipe turns a plan into components.
type recipe struct {
	plan       Plan
	folder     state.Folder
	executable string
	control    controlplane.Options
	host       *supervisor
	// containers is nil for a kind without Docker; made are its containers.
	containers *containers
	made       map[string]*container
	// charts are the kind k3d's, once they are here; parts are what its cluster
	// is made of.
	charts []helm.Release
	parts  parts

	mu sync.Mutex
	// counter counts nodes and pods once the API server is there; stopCounting
	// ends it.
	counter      *nodes.Counter
	stopCounting func()
	// forwarder leads ports to pods; nil for a kind without.
	forwarder *portforward.Forwarder
	// scaling keeps two changes of size from crossing.
	scaling sync.Mutex
}

func newRecipe(plan Plan, executable string, host *supervisor) (*recipe, error) {
	r := &recipe{
		plan: plan, folder: host.folder, executable: executable, host: host,
		control: controlPlaneOptions(plan), made: map[string]*container{},
	}
	if plan.Network == "" {
		return r, nil
	}
	engine, err := docker.Connect(context.Background())
	if err != nil {
		return nil, err
	}
	r.containers = &containers{engine: engine, owner: ownerOf(host.folder)}
	return r, nil
}

// components makes a container or a process of every component that is one,
// and a step of the rest.
func (r *recipe) components() []component.Component {
	var all []component.Component
	for _, planned := range r.plan.Components {
		log, probe := r.folder.Log(planned.Name), r.probe(planned.Name)
		waits := func() bool { return r.host.group.Waits(planned.Name) }
		switch {
		case planned.Container != nil:
			c := newContainer(component.SupervisedConfig{
				Name: planned.Name, Needs: planned.Needs, Log: log, Probe: probe, Waits: waits,
			}, *planned.Container, r.containers)
			r.made[planned.Name] = c
			all = append(all, c)
		case planned.Args != nil:
			all = append(all, component.NewProcess(component.ProcessConfig{
				Name: planned.Name, Needs: planned.Needs, Path: r.executable, Args: planned.Args, Env: planned.Env,
				Log: log, Probe: probe, Waits: waits,
			}))
		default:
			all = append(all, r.step(planned))
		}
	}
	return all
}

func (r *recipe) step(planned Planned) component.Component {
	s := &component.Step{StepName: planned.Name, StepNeeds: planned.Needs}
	switch planned.Name {
	case bootstrap:
		s.Do = r.bootstrap
	case metricsAPI:
		s.Do = r.registerMetrics
	case cluster:
		s.Do, s.Undo = r.makeCluster, r.endCounting
		if r.plan.Environment.Cluster.KubeContext != "" {
			s.Do, s.Probe = r.adoptCluster, r.probeAPI
		}
		if r.plan.K3d != nil {
			s.Do, s.Undo, s.Probe = r.makeK3d, r.endK3d, r.probeAPI
		}
	case imagesName:
		s.Do = r.ensureImages
	case networkName:
		s.Do, s.Undo = r.makeNetwork, r.removeNetwork
	case gatewayName:
		s.Do, s.Undo = r.openGateway, r.closeGateway
	case provisioningName:
		s.Do, s.Undo = r.provision, r.endProvisioning
	case credentialsName:
		s.Do = r.writeCredentials
	case simulatedName:
		s.Do = r.simulateNodes
	case chartStep:
		s.Do = r.fetchChart
	case nodeImagesName:
		s.Do = r.importImages
	case lgtmName, workloadsName:
		s.Do = r.applyManifest(planned.Name)
	case clusterCollector:
		s.Do = r.installer(planned.Name, 0)
	case nodeCollector:
		s.Do = r.installer(planned.Name, 1)
	case forwardsName:
		s.Do, s.Undo = r.openForwards, r.closeForwards
		s.Probe, s.Again = r.probeLGTM, r.renewLGTM
		s.Waits = func() bool { return r.host.group.Waits(planned.Name) }
		s.Patience.GivenUp = renewAfter
	case telemetry:
		s.Do = r.awaitTelemetry
	case kubeContext:
		s.Do, s.Undo = r.addContext, r.removeContext
	}
	return s
}

// ownControlPlane tells whether the cluster's control plane is diorama's own.
func (r *recipe) ownControlPlane() bool {
	return r.plan.Environment.Cluster.KubeContext == "" && r.plan.K3d == nil
}

// restConfig returns the administrator's configuration.
func (r *recipe) restConfig() (*rest.Config, error) {
	path := r.control.Kubeconfig("admin")
	if !r.ownControlPlane() {
		path = contextKubeconfig(r.folder)
	}
	config, err := clientcmd.BuildConfigFromFlags("", path)
	if err != nil {
		return nil, fmt.Errorf("reading the administrator's kubeconfig: %w", err)
	}
	config.UserAgent = "diorama"
	return config, nil
}

func (r *recipe) bootstrap(ctx context.Context) error {
	config, err := r.restConfig()
	if err != nil {
		return err
	}
	prepare := controlplane.Bootstrap
	if !r.ownControlPlane() {
		prepare = controlplane.Define
	}
	if err := prepare(ctx, config, r.again(bootstrap)); err != nil {
		return err
	}
	files, err := stageFiles(r.plan.Environment.Cluster.Stages)
	if err != nil {
		return err
	}
	return nodes.ApplyStages(ctx, config, files, r.again(bootstrap))
}

// again reports what a component tries again while it starts.
func (r *recipe) again(name string) apiretry.Report {
	return func(text string) { r.host.detail(name, text) }
}

// registerMetrics comes once the kubelets are there, which serve the API.
func (r *recipe) registerMetrics(ctx context.Context) error {
	config, err := r.restConfig()
	if err != nil {
		return err
	}
	ca, err := os.ReadFile(r.control.Certificate("kubelet-ca"))
	if err != nil {
		return fmt.Errorf("reading the kubelets' CA: %w", err)
	}
	return controlplane.RegisterMetrics(ctx, config, ca, r.again(metricsAPI))
}

func stageFiles(paths []string) ([]nodes.StageFile, error) {
	var files []nodes.StageFile
	for _, path := range paths {
		data, err := os.ReadFile(path)
		if err != nil {
			return nil, fmt.Errorf("reading a stage file: %w", err)
		}
		files = append(files, nodes.StageFile{Name: path, Data: data})
	}
	return files, nil
}

// makeCluster creates nodes and workloads, starts counting them, and waits
// until they run.
func (r *recipe) makeCluster(ctx context.Context) error {
	config, err := r.restConfig()
	if err != nil {
		return err
	}
	if err := r.startCounting(config); err != nil {
		return err
	}
	return r.resize(ctx, config, r.plan.Environment.Cluster, func(text string) { r.host.detail(cluster, text) })
}

// startCounting counts nodes and pods from now on.
func (r *recipe) startCounting(config *rest.Config) error {
	count := nodes.NewCounter
	if !r.ownControlPlane() {
		count = nodes.NewForeignCounter
	}
	counter, err := count(config)
	if err != nil {
		return err
	}
	counting, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- counter.Run(counting) }()
	r.mu.Lock()
	defer r.mu.Unlock()
	r.counter, r.stopCounting = counter, func() { cancel(); <-done }
	return nil
}

func (r *recipe) endCounting(context.Context) error {
	r.mu.Lock()
	stop := r.stopCounting
	r.counter, r.stopCounting = nil, nil
	r.mu.Unlock()
	if stop != nil {
		stop()
	}
	return nil
}

func (r *recipe) resize(ctx context.Context, config *rest.Config, size v1alpha1.Cluster, detail func(string)) error {
	fleet, workloads, err := sizes(size)
	if err != nil {
		return err
	}
	fleet.Alongside, workloads.Alongside = r.plan.K3d != nil, r.plan.K3d != nil
	progress := func(p nodes.Progress) { detail(p.String()) }
	observer := nodes.Observer{Progress: progress, Leaving: r.leave}
	if err := nodes.Scale(ctx, config, fleet, workloads, observer); err != nil {
		return err
	}
	r.mu.Lock()
	counter := r.counter
	r.mu.Unlock()
	if counter == nil {
		return errors.New("the environment is going down")
	}
	return counter.WaitReady(ctx, fleet, workloads, progress)
}

// sizes reads the template, if there is one.
func sizes(size v1alpha1.Cluster) (nodes.Fleet, nodes.Workloads, error) {
	fleet, workloads := nodes.Fleet{Nodes: size.Nodes}, nodes.Workloads{Pods: size.Pods}
	if size.PodTemplate != "" {
		data, err := os.ReadFile(size.PodTemplate)
		if err != nil {
			return fleet, workloads, fmt.Errorf("reading the pod template: %w", err)
		}
		workloads.Template, workloads.TemplateFile = data, size.PodTemplate
	}
	return fleet, workloads, nil
}

// CheckFiles says early what the API server would refuse late: a template
// that is no Pod, a stage that does not parse, more pods than fit.
func CheckFiles(env v1alpha1.Environment) error {
	if env.Cluster.Nodes == 0 {
		return nil // nothing is simulated
	}
	fleet, workloads, err := sizes(env.Cluster)
	if err != nil {
		return err
	}
	files, err := stageFiles(env.Cluster.Stages)
	if err != nil {
		return err
	}
	return errors.Join(nodes.CheckCapacity(fleet, workloads), nodes.ParseStages(files))
}

// scalable says why an environment cannot be scaled, whatever the size.
func (p Plan) scalable() error {
	size := p.Environment.Cluster
	switch {
	case size.KubeContext != "":
		return errors.New("the cluster is not diorama's: scale it with `kwokctl scale`, and bring the environment up again")
	case p.K3d != nil && size.Nodes == 0:
		return errors.New("the environment has no simulated nodes (cluster.nodes is 0), and real ones are not scaled: bring it down, and up again with --nodes, or with other --servers and --agents")
	}
	return nil
}

// scale changes the size of the running cluster. The new size is written down
// before it is reached: a restart in between goes on towards it.
func (r *recipe) scale(ctx context.Context, size v1alpha1.Cluster, remember func() error, detail func(string)) error {
	if !r.scaling.TryLock() {
		return errors.New("another change of size is under way; wait for it to end")
	}
	defer r.scaling.Unlock()
	fleet, workloads, err := sizes(size)
	if err != nil {
		return err
	}
	if err := nodes.CheckCapacity(fleet, workloads); err != nil {
		return err
	}
	config, err := r.restConfig()
	if err != nil {
		return err
	}
	if err := remember(); err != nil {
		return err
	}
	if err := r.resize(ctx, config, size, detail); err != nil {
		return err
	}
	return r.reconfigureCollector(ctx)
}

// addContext makes the environment's context the user's current one. What was
// current before is kept over a crash.
func (r *recipe) addContext(context.Context) error {
	admin, err := r.clientConfig("admin")
	if err != nil {
		return err
	}
	path, err := kubeconfig.Path()
	if err != nil {
		return err
	}
	name := contextName(r.plan.Environment)
	previous, err := kubeconfig.Merge(path, name, admin)
	if err != nil {
		return err
	}
	if before := r.host.remembered(); previous == "" && before != nil && before.Kubeconfig == path {
		previous = before.Previous
	}
	return r.host.remember(&state.Context{Kubeconfig: path, Name: name, Previous: previous})
}

func (r *recipe) removeContext(context.Context) error {
	c := r.host.remembered()
	if c == nil {
		return nil
	}
	if err := kubeconfig.Remove(c.Kubeconfig, c.Name, c.Previous); err != nil {
		return err
	}
	return r.host.remember(nil)
}

func contextName(env v1alpha1.Environment) string { return "diorama-" + env.Name }
