package nodes

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"sync/atomic"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/utils/clock"
	"sigs.k8s.io/kwok/pkg/client/clientset/versioned"
	"sigs.k8s.io/kwok/pkg/kwok/controllers"
	kwoklog "sigs.k8s.io/kwok/pkg/log"
	kwokclient "sigs.k8s.io/kwok/pkg/utils/client"

	"github.com/diorama-lab/diorama/internal/wait"
)

// managedNodes selects, by annotation, the nodes whose kubelet is simulated.
const managedNodes = "kwok.x-k8s.io/node=fake"

// KwokOptions says which cluster RunKwok serves.
type KwokOptions struct {
	// Kubeconfig is the file of the controllers' own credentials.
	Kubeconfig string
	// HealthAddress is host:port of the listener that answers /healthz:
	// 503 until the controllers have started, 200 from then on.
	HealthAddress string
	// Verbose logs every object that is changed.
	Verbose bool
}

// Stage workers: a worker is almost always waiting for the API server, so
// their number is how many writes are under way at once. More of them only
// lengthens the queue inside the API server.
const (
	podStageWorkers  = 24
	nodeStageWorkers = 12
	podSyncWorkers   = 64
)

// RunKwok runs KWOK's controllers for the nodes annotated
// kwok.x-k8s.io/node=fake until ctx ends, and then returns nil. Stages are read
// from the API; see ApplyStages.
func RunKwok(ctx context.Context, o KwokOptions) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()

	listener, err := net.Listen("tcp", o.HealthAddress)
	if err != nil {
		return fmt.Errorf("listen for health probes: %w", err)
	}
	var ready atomic.Bool
	server := healthServer(&ready)
	failed := make(chan error, 1)
	go func() { failed <- server.Serve(listener) }()
	defer server.Close()

	level := kwoklog.LevelWarn
	if o.Verbose {
		level = kwoklog.LevelInfo
	}
	ctx = kwoklog.NewContext(ctx, kwoklog.NewLogger(os.Stderr, level))

	leases, err := startKwok(ctx, o.Kubeconfig)
	if err != nil {
		if ctx.Err() != nil {
			return nil
		}
		return err
	}
	ready.Store(true)
	slog.Info("simulating kubelets", "selector", managedNodes)

	select {
	case <-ctx.Done():
		<-leases
		return nil
	case err := <-failed:
		if errors.Is(err, http.ErrServerClosed) {
			return nil
		}
		return fmt.Errorf("serve health probes: %w", err)
	}
}

func healthServer(ready *atomic.Bool) *http.Server {
	mux := http.NewServeMux()
	mux.HandleFunc("/healthz", func(w http.ResponseWriter, _ *http.Request) {
		if !ready.Load() {
			http.Error(w, "controllers are starting", http.StatusServiceUnavailable)
			return
		}
		_, _ = w.Write([]byte("ok"))
	})
	return &http.Server{Handler: mux, ReadHeaderTimeout: 5 * time.Second}
}

// startKwok starts the controllers and the lease keeper; the channel it
// returns is closed when the lease keeper has ended.
func startKwok(ctx context.Context, kubeconfig string) (<-chan struct{}, error) {
	config, err := clientcmd.BuildConfigFromFlags("", kubeconfig)
	if err != nil {
		return nil, fmt.Errorf("read kubeconfig %s: %w", kubeconfig, err)
	}
	kwok, err := kwokConfig(ctx, config, kubeconfig)
	if err != nil {
		return nil, err
	}
	if err := waitForStages(ctx, kwok.TypedKwokClient); err != nil {
		return nil, err
	}
	controller, err := controllers.NewController(kwok)
	if err != nil {
		return nil, fmt.Errorf("set up KWOK's controllers: %w", err)
	}
	if err := controller.Start(ctx); err != nil {
		return nil, fmt.Errorf("start KWOK's controllers: %w", err)
	}
	return startLeases(ctx, kwok.TypedClient, config)
}

func kwokConfig(ctx context.Context, config *rest.Config, kubeconfig string) (controllers.Config, error) {
	// KWOK's own client set brings the REST mapper and the clients for
	// stages that impersonate. It sets no limit on requests per second.
	clients, err := kwokclient.NewClientset("", kubeconfig)
	if err != nil {
		return controllers.Config{}, fmt.Errorf("set up KWOK's clients: %w", err)
	}
	unstructured, err := clients.ToRESTConfig()
	if err != nil {
		return controllers.Config{}, fmt.Errorf("set up KWOK's clients: %w", err)
	}
	dynamic, errDynamic := clients.ToDynamicClient()
	mapper, errMapper := clients.ToRESTMapper()
	restClient, errREST := rest.RESTClientFor(unstructured)
	typed, errTyped := typedClient(config)
	stages, errStages := versioned.NewForConfig(unlimited(config))
	if err := errors.Join(errDynamic, errMapper, errREST, errTyped, errStages); err != nil {
		return controllers.Config{}, fmt.Errorf("set up KWOK's clients: %w", err)
	}
	return controllers.Config{
		Clock:                             clock.RealClock{},
		DynamicClient:                     dynamic,
		RESTClient:                        restClient,
		RESTMapper:                        mapper,
		ImpersonatingDynamicClient:        clients.ToImpersonatingDynamicClient(),
		ImpersonatingTypedClient:          clients.ToImpersonatingTypedClient(),
		TypedClient:                       typed,
		TypedKwokClient:                   stages,
		ManageNodesWithAnnotationSelector: managedNodes,
		// Pods that run on a node before its pod CIDR is assigned.
		CIDR:                      "100.64.0.0/16",
		PodPlayStageParallelism:   podStageWorkers,
		NodePlayStageParallelism:  nodeStageWorkers,
		PodsOnNodeSyncParallelism: podSyncWorkers,
		ID:                        leaseHolder,
		// KWOK's lease controller makes a node's pods read-only until its
		// own watch has shown it the lease it has just written, and a pod
		// that arrives in between is not looked at again. Exactly one
		// KWOK runs here: the leases are kept by startLeases instead.
		NodeLeaseDurationSeconds: 0,
	}, nil
}

// waitForStages returns when the Stage API is served: KWOK's informers would
// otherwise sit in a long back-off when it appears.
func waitForStages(ctx context.Context, client versioned.Interface) error {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	err := wait.Until(ctx, 100*time.Millisecond, func(ctx context.Context) (bool, error) {
		_, err := client.KwokV1alpha1().Stages().List(ctx, metav1.ListOptions{Limit: 1})
		return err == nil, err
	})
	if err != nil {
		return fmt.Errorf("list KWOK's stages (are its CRDs installed, and may this user read them?): %w", err)
	}
	return nil
}

// unlimited returns a copy of config without client-side rate limit: the API
// server's own flow control is the only brake that knows what it can take.
func unlimited(config *rest.Config) *rest.Config {
	c := rest.CopyConfig(config)
	c.QPS = -1
	return c
}
