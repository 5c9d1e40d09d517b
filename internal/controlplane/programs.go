package controlplane

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"time"

	"github.com/spf13/pflag"
	clientv3 "go.etcd.io/etcd/client/pkg/v3/transport"
	"go.etcd.io/etcd/server/v3/embed"
	utilerrors "k8s.io/apimachinery/pkg/util/errors"
	utilfeature "k8s.io/apiserver/pkg/util/feature"
	"k8s.io/client-go/rest"
	cliflag "k8s.io/component-base/cli/flag"
	logsapi "k8s.io/component-base/logs/api/v1"
	apiserver "k8s.io/kubernetes/cmd/kube-apiserver/app"
	apiserveroptions "k8s.io/kubernetes/cmd/kube-apiserver/app/options"
	controllermanager "k8s.io/kubernetes/cmd/kube-controller-manager/app"
	controllermanageroptions "k8s.io/kubernetes/cmd/kube-controller-manager/app/options"
	scheduler "k8s.io/kubernetes/cmd/kube-scheduler/app"
	scheduleroptions "k8s.io/kubernetes/cmd/kube-scheduler/app/options"
)

// Program is one process of the control plane.
type Program struct {
	Name string
	// Run runs until ctx ends and returns nil then. It takes the arguments
	// that Options renders, and uses global state: once in a process.
	Run func(ctx context.Context, args []string) error
}

// Programs returns the processes of a control plane.
func Programs() []Program {
	return []Program{
		{"etcd", runEtcd},
		{"kube-apiserver", runAPIServer},
		{"kube-controller-manager", runControllerManager},
		{"kube-scheduler", runScheduler},
	}
}

func runEtcd(ctx context.Context, args []string) error {
	config, err := etcdConfig(args)
	if err != nil {
		return err
	}
	server, err := startEtcd(ctx, config)
	if err != nil {
		return fmt.Errorf("starting etcd: %w", err)
	}
	defer server.Close()
	select {
	case <-ctx.Done():
		return nil
	case err := <-server.Err():
		return fmt.Errorf("serving etcd: %w", err)
	case <-server.Server.StopNotify():
		return errors.New("etcd has stopped by itself")
	}
}

func etcdConfig(args []string) (*embed.Config, error) {
	config := embed.NewConfig()
	var client, peer string
	var tls clientv3.TLSInfo
	flags := pflag.NewFlagSet("etcd", pflag.ContinueOnError)
	flags.StringVar(&config.Dir, "data-dir", "", "folder of the data")
	flags.StringVar(&client, "client-url", "", "URL for clients")
	flags.StringVar(&peer, "peer-url", "", "URL for peers")
	flags.StringVar(&tls.TrustedCAFile, "ca", "", "CA of clients and peers")
	flags.StringVar(&tls.CertFile, "cert", "", "serving certificate")
	flags.StringVar(&tls.KeyFile, "key", "", "key of the serving certificate")
	if err := parseAll(flags, args); err != nil {
		return nil, err
	}
	clientURL, clientErr := url.Parse(client)
	peerURL, peerErr := url.Parse(peer)
	if err := errors.Join(clientErr, peerErr); err != nil {
		return nil, fmt.Errorf("etcd's URLs: %w", err)
	}
	tls.ClientCertAuth = true
	config.Name = "diorama"
	config.ListenClientUrls, config.AdvertiseClientUrls = []url.URL{*clientURL}, []url.URL{*clientURL}
	config.ListenPeerUrls, config.AdvertisePeerUrls = []url.URL{*peerURL}, []url.URL{*peerURL}
	config.InitialCluster = config.InitialClusterFromName(config.Name)
	config.ClientTLSInfo, config.PeerTLSInfo = tls, tls
	// The data is disposable: what a power cut loses is made again by `up`.
	// A kill -9 loses nothing, the kernel has what was written.
	config.UnsafeNoFsync = true
	// One member: it need not wait long to elect itself.
	config.TickMs, config.ElectionMs = 50, 500
	config.QuotaBackendBytes = 4 << 30
	// The log since the last snapshot is kept in memory, for members that lag
	// behind: there is none.
	config.SnapshotCount, config.SnapshotCatchUpEntries = 2000, 200
	config.AutoCompactionMode, config.AutoCompactionRetention = embed.CompactorModePeriodic, "5m"
	// Without it every request counts as slow and is logged.
	config.WarningUnaryRequestDuration = time.Second
	config.LogLevel = "warn"
	config.LogOutputs = []string{"stderr"}
	return config, nil
}

// parse reads upstream's flags.
func parse(name string, sets cliflag.NamedFlagSets, args []string) error {
	flags := pflag.NewFlagSet(name, pflag.ContinueOnError)
	for _, set := range sets.FlagSets {
		flags.AddFlagSet(set)
	}
	return parseAll(flags, args)
}

// parseAll reads flags, and refuses what is none.
func parseAll(flags *pflag.FlagSet, args []string) error {
	err := flags.Parse(args)
	if err == nil && flags.NArg() > 0 {
		err = fmt.Errorf("%q is no flag", flags.Arg(0))
	}
	if err != nil {
		return fmt.Errorf("%s's flags: %w", flags.Name(), err)
	}
	return nil
}

func runAPIServer(ctx context.Context, args []string) error {
	options := apiserveroptions.NewServerRunOptions()
	if err := parse("kube-apiserver", options.Flags(), args); err != nil {
		return err
	}
	if err := options.GenericServerRunOptions.ComponentGlobalsRegistry.Set(); err != nil {
		return fmt.Errorf("setting feature gates: %w", err)
	}
	// The server's loopback client would log warnings meant for others.
	rest.SetDefaultWarningHandler(rest.NoWarnings{})
	if err := logsapi.ValidateAndApply(options.Logs, utilfeature.DefaultFeatureGate); err != nil {
		return fmt.Errorf("setting up logging: %w", err)
	}
	completed, err := options.Complete(ctx)
	if err != nil {
		return fmt.Errorf("completing kube-apiserver's options: %w", err)
	}
	if errs := completed.Validate(); len(errs) > 0 {
		return fmt.Errorf("kube-apiserver's options: %w", utilerrors.NewAggregate(errs))
	}
	return endsWith(ctx, apiserver.Run(ctx, completed))
}

func runControllerManager(ctx context.Context, args []string) error {
	options, err := controllermanageroptions.NewKubeControllerManagerOptions()
	if err != nil {
		return fmt.Errorf("making kube-controller-manager's options: %w", err)
	}
	known, disabled, aliases := controllermanager.KnownControllers(), controllermanager.ControllersDisabledByDefault(),
		controllermanager.ControllerAliases()
	sets := options.Flags(known, disabled, aliases)
	options.ParsedFlags = &sets
	if err := parse("kube-controller-manager", sets, args); err != nil {
		return err
	}
	rest.SetDefaultWarningHandler(rest.NoWarnings{})
	if err := options.ComponentGlobalsRegistry.Set(); err != nil {
		return fmt.Errorf("setting feature gates: %w", err)
	}
	if err := logsapi.ValidateAndApply(options.Logs, utilfeature.DefaultFeatureGate); err != nil {
		return fmt.Errorf("setting up logging: %w", err)
	}
	config, err := options.Config(ctx, known, disabled, aliases)
	if err != nil {
		return fmt.Errorf("configuring kube-controller-manager: %w", err)
	}
	return endsWith(ctx, controllermanager.Run(ctx, config.Complete()))
}

func runScheduler(ctx context.Context, args []string) error {
	options := scheduleroptions.NewOptions()
	if err := parse("kube-scheduler", *options.Flags, args); err != nil {
		return err
	}
	if err := options.ComponentGlobalsRegistry.Set(); err != nil {
		return fmt.Errorf("setting feature gates: %w", err)
	}
	if err := logsapi.ValidateAndApply(options.Logs, utilfeature.DefaultFeatureGate); err != nil {
		return fmt.Errorf("setting up logging: %w", err)
	}
	config, instance, err := scheduler.Setup(ctx, options)
	if err != nil {
		return fmt.Errorf("configuring kube-scheduler: %w", err)
	}
	return endsWith(ctx, scheduler.Run(ctx, config, instance))
}

// endsWith turns what a program says when it is asked to end into nil. Some
// goroutines go on for a while after ctx has ended; the process ends them.
func endsWith(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return nil
	}
	if err == nil {
		return errors.New("ended by itself")
	}
	return err
}
