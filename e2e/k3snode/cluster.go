package main

import (
	"context"
	"crypto/subtle"
	"fmt"
	"net"
	"net/http"
	"os"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/clientcmd"
	"sigs.k8s.io/kwok/pkg/apis/v1alpha1"
	"sigs.k8s.io/kwok/pkg/client/clientset/versioned"

	"github.com/diorama-lab/diorama/internal/versions"
)

// cluster is the one that the first server runs.
type cluster struct {
	client kubernetes.Interface
	kwok   versioned.Interface
	// kubeconfig is the administrator's, for use on any server node.
	kubeconfig []byte
}

func newCluster(admin []byte) (*cluster, error) {
	config, err := clientcmd.RESTConfigFromKubeConfig(admin)
	if err != nil {
		return nil, fmt.Errorf("using the kubeconfig: %w", err)
	}
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		return nil, fmt.Errorf("setting up a client: %w", err)
	}
	kwok, err := versioned.NewForConfig(config)
	if err != nil {
		return nil, fmt.Errorf("setting up a client: %w", err)
	}
	kubeconfig, err := nodeKubeconfig(admin)
	return &cluster{client, kwok, kubeconfig}, err
}

// begin puts this node in the place of the one that diorama has made.
func (c *cluster) begin(ctx context.Context) error {
	name, err := os.Hostname()
	if err != nil {
		return fmt.Errorf("asking for the node's name: %w", err)
	}
	addresses, err := net.LookupHost(name)
	if err != nil {
		return fmt.Errorf("looking for the node's address: %w", err)
	}
	if err := c.register(ctx, name, addresses[0]); err != nil {
		return err
	}
	if err := c.forwardPorts(ctx); err != nil {
		return err
	}
	if err := c.holdPods(ctx); err != nil {
		return err
	}
	simulated := metav1.ListOptions{LabelSelector: "type=kwok"}
	err = c.client.CoreV1().Nodes().DeleteCollection(ctx, metav1.DeleteOptions{}, simulated)
	if err != nil {
		return fmt.Errorf("deleting diorama's own node: %w", err)
	}
	return nil
}

// forwardPorts forwards the ports of LGTM's pod, which is simulated, to what listens
// on them in this container.
func (c *cluster) forwardPorts(ctx context.Context) error {
	forwards := &v1alpha1.ClusterPortForward{
		ObjectMeta: metav1.ObjectMeta{Name: "lgtm"},
		Spec: v1alpha1.ClusterPortForwardSpec{
			Selector: &v1alpha1.ObjectSelector{MatchNamespaces: []string{"diorama"}},
		},
	}
	for _, port := range []int32{3000, 4317, 4318, 9090} {
		forwards.Spec.Forwards = append(forwards.Spec.Forwards, v1alpha1.Forward{
			Ports: []int32{port}, Target: &v1alpha1.ForwardTarget{Address: "127.0.0.1", Port: port},
		})
	}
	_, err := c.kwok.KwokV1alpha1().ClusterPortForwards().Create(ctx, forwards, metav1.CreateOptions{})
	if err != nil && !apierrors.IsAlreadyExists(err) {
		return fmt.Errorf("leading ports to this node: %w", err)
	}
	return nil
}

// register makes a node whose kubelet diorama simulates.
func (c *cluster) register(ctx context.Context, name, address string) error {
	amounts := corev1.ResourceList{
		corev1.ResourceCPU: resource.MustParse("4"), corev1.ResourceMemory: resource.MustParse("8Gi"),
		corev1.ResourceEphemeralStorage: resource.MustParse("64Gi"), corev1.ResourcePods: resource.MustParse("110"),
	}
	node := &corev1.Node{
		ObjectMeta: metav1.ObjectMeta{
			Name:        name,
			Annotations: map[string]string{"kwok.x-k8s.io/node": "fake"},
			Labels:      map[string]string{corev1.LabelHostname: name, corev1.LabelOSStable: "linux"},
		},
		Status: corev1.NodeStatus{
			Capacity: amounts, Allocatable: amounts,
			Addresses: []corev1.NodeAddress{
				{Type: corev1.NodeInternalIP, Address: address}, {Type: corev1.NodeHostName, Address: name},
			},
			DaemonEndpoints: corev1.NodeDaemonEndpoints{KubeletEndpoint: corev1.DaemonEndpoint{Port: 10250}},
			NodeInfo:        corev1.NodeSystemInfo{KubeletVersion: versions.Kubernetes + "+standin", OperatingSystem: "linux"},
		},
	}
	// It is there already after a restart of its container.
	_, err := c.client.CoreV1().Nodes().Create(ctx, node, metav1.CreateOptions{})
	if err != nil && !apierrors.IsAlreadyExists(err) {
		return fmt.Errorf("registering the node %s: %w", name, err)
	}
	return nil
}

// joinPort is where a server takes other nodes in.
const joinPort = ":9345"

// joins registers nodes that know the cluster's token: POST /nodes/NAME is
// answered with the kubeconfig. It is plain HTTP on the test's own network.
func (c *cluster) joins() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("POST /nodes/{name}", func(w http.ResponseWriter, r *http.Request) {
		if subtle.ConstantTimeCompare([]byte(r.Header.Get("Authorization")), []byte(authorization())) == 0 {
			http.Error(w, "this is not the cluster's token", http.StatusUnauthorized)
			return
		}
		address, _, err := net.SplitHostPort(r.RemoteAddr)
		if err == nil {
			err = c.register(r.Context(), r.PathValue("name"), address)
		}
		if err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		_, _ = w.Write(c.kubeconfig)
	})
	return mux
}

func authorization() string { return "Bearer " + os.Getenv("K3S_TOKEN") }
