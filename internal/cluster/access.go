package cluster

import (
	"context"
	"fmt"
	"path/filepath"
	"time"

	"k8s.io/client-go/discovery"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"

	"github.com/diorama-lab/diorama/internal/controlplane"
	"github.com/diorama-lab/diorama/internal/kubeconfig"
	"github.com/diorama-lab/diorama/internal/state"
)

// Access is how the API of an environment's cluster is reached, and what its
// simulated kubelets are trusted by.
type Access struct {
	// Kubeconfig is the path of the administrator's.
	Kubeconfig string
	// Client returns the kubeconfig of one of the cluster's clients, such as
	// collector; in a cluster that is not ours the user is all of them.
	Client func(name string) (*clientcmdapi.Config, error)
	// KubeletCA signs the kubelets' certificates, KubeletClient is what their
	// clients have.
	KubeletCA, KubeletClient KeyPair
	// ClientCA is the path of what signs the certificates of kubelets' clients.
	ClientCA string
	// ProbeKubelets asks the kubelet API at a port of this machine.
	ProbeKubelets func(port int) func(context.Context) error
}

// KeyPair are the paths of a certificate and its key.
type KeyPair struct{ Certificate, Key string }

// Own reaches a control plane of diorama's.
func Own(control controlplane.Options) Access {
	client := func(name string) (*clientcmdapi.Config, error) { return controlplane.ClientConfig(control, name) }
	return access(control, control.Kubeconfig("admin"), client, "kubelet-ca", "collector")
}

// Given reaches a cluster by one kubeconfig, which a folder's environment has a
// copy of once it is written. The kubelets' certificates are those that the
// stats-proxy makes.
func Given(folder state.Folder) Access {
	control := controlplane.Options{Dir: folder.Path}
	path := control.Kubeconfig("context")
	client := func(string) (*clientcmdapi.Config, error) {
		config, err := clientcmd.LoadFromFile(path)
		if err != nil {
			return nil, fmt.Errorf("reading the cluster's kubeconfig: %w", err)
		}
		return config, nil
	}
	return access(control, path, client, "ca", "client")
}

func access(
	control controlplane.Options, admin string, client func(string) (*clientcmdapi.Config, error),
	kubeletCA, kubeletClient string,
) Access {
	pair := func(name string) KeyPair { return KeyPair{control.Certificate(name), control.Key(name)} }
	return Access{
		Kubeconfig: admin, Client: client, KubeletCA: pair(kubeletCA), KubeletClient: pair(kubeletClient),
		// Both kinds of cluster have the clients' CA under this name.
		ClientCA: control.Certificate("ca"),
		ProbeKubelets: func(port int) func(context.Context) error {
			return control.ProbeKubelets(port, kubeletCA, kubeletClient)
		},
	}
}

// PKI is the folder of a folder's certificates.
func PKI(folder state.Folder) string { return filepath.Join(folder.Path, "pki") }

// Write makes a kubeconfig the administrator's.
func (a Access) Write(config *clientcmdapi.Config) error {
	data, err := clientcmd.Write(*config)
	if err != nil {
		return fmt.Errorf("encoding the kubeconfig: %w", err)
	}
	return state.WriteConfig(a.Kubeconfig, data)
}

// Config returns the administrator's configuration.
func (a Access) Config() (*rest.Config, error) {
	config, err := clientcmd.BuildConfigFromFlags("", a.Kubeconfig)
	if err != nil {
		return nil, fmt.Errorf("reading the administrator's kubeconfig: %w", err)
	}
	config.UserAgent = "diorama"
	return config, nil
}

// Probe asks a Kubernetes API that is no process of ours.
func (a Access) Probe(ctx context.Context) error {
	config, err := a.Config()
	if err != nil {
		return err
	}
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		return fmt.Errorf("setting up a client: %w", err)
	}
	if err := client.Discovery().RESTClient().Get().AbsPath("/version").Do(ctx).Error(); err != nil {
		return fmt.Errorf("asking the Kubernetes API: %w", err)
	}
	return nil
}

// versionLimit is how long an API server may take to say its version.
const versionLimit = 10 * time.Second

// CheckContext says early that a context of the user's cannot be used: it is not
// there, lacks what containers need, or its cluster does not run.
func CheckContext(ctx context.Context, name string) error {
	extracted, err := kubeconfig.Extract(name)
	if err != nil {
		return err
	}
	config, err := clientcmd.NewDefaultClientConfig(*extracted, nil).ClientConfig()
	if err != nil {
		return fmt.Errorf("reading the context %q: %w", name, err)
	}
	config.Timeout = versionLimit
	client, err := discovery.NewDiscoveryClientForConfig(config)
	if err != nil {
		return fmt.Errorf("setting up a client for the context %q: %w", name, err)
	}
	if err := client.RESTClient().Get().AbsPath("/version").Do(ctx).Error(); err != nil {
		return fmt.Errorf("asking the cluster of the context %q for its version; does it run (`kwokctl start cluster`)? %w",
			name, err)
	}
	return nil
}
