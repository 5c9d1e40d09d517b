package controlplane

import (
	"fmt"
	"net"
	"path/filepath"
	"strconv"
)

// Address ranges of a cluster. They are not routed anywhere: simulated pods
// and nodes only carry them.
const (
	// PodCIDR has room for 8,192 nodes with a /24 each.
	PodCIDR     = "10.64.0.0/11"
	ServiceCIDR = "10.96.0.0/12"
	// APIServiceIP is the first address of ServiceCIDR: the service kubernetes.
	APIServiceIP = "10.96.0.1"
)

// Ports are the loopback ports of the control plane.
type Ports struct {
	API, EtcdClient, EtcdPeer, ControllerManager, Scheduler int
	// KubeletTunnel is where the kubelets' end of the tunnel listens.
	KubeletTunnel int
}

// Options describe one control plane.
type Options struct {
	// Dir is the environment's folder: pki/, kubeconfigs/, config/ and data/
	// lie in it.
	Dir   string
	Ports Ports
	// Hosts are further names and addresses that clients may use for the
	// servers, which all listen on loopback only.
	Hosts []string
}

const host = "127.0.0.1"

func address(port int) string { return net.JoinHostPort(host, strconv.Itoa(port)) }

func (o Options) pki(name string) string { return filepath.Join(o.Dir, "pki", name) }

// Kubeconfig is the path of the kubeconfig of one of our clients: admin,
// controller-manager, scheduler, kwok, kubelet, collector.
func (o Options) Kubeconfig(client string) string {
	return filepath.Join(o.Dir, "kubeconfigs", client+".kubeconfig")
}

// Certificate and Key are the paths of one of the certificates that
// EnsureCredentials makes.
func (o Options) Certificate(name string) string { return o.pki(name + ".crt") }

// Key is the path of the key of a certificate.
func (o Options) Key(name string) string { return o.pki(name + ".key") }

// URL is the API server's.
func (o Options) URL() string { return "https://" + address(o.Ports.API) }

// Files are the configuration files that the arguments name, by path.
func (o Options) Files() map[string]string {
	return map[string]string{
		o.egressFile():    o.egressConfig(),
		o.schedulerFile(): o.schedulerConfig(),
	}
}

func (o Options) egressFile() string { return filepath.Join(o.Dir, "config", "egress-selector.yaml") }

// egressConfig renders the API server's egress selector: what goes to the
// cluster goes through the kubelets' tunnel (apiserver.k8s.io/v1beta1
// EgressSelectorConfiguration).
func (o Options) egressConfig() string {
	return fmt.Sprintf(`apiVersion: apiserver.k8s.io/v1beta1
kind: EgressSelectorConfiguration
egressSelections:
  - name: cluster
    connection:
      proxyProtocol: HTTPConnect
      transport:
        tcp:
          url: https://%s
          tlsConfig:
            caBundle: %s
            clientCert: %s
            clientKey: %s
`, address(o.Ports.KubeletTunnel), strconv.Quote(o.Certificate("kubelet-ca")),
		strconv.Quote(o.Certificate("apiserver-kubelet-client")), strconv.Quote(o.Key("apiserver-kubelet-client")))
}

// EtcdArgs are the arguments of RunEtcd.
func (o Options) EtcdArgs() []string {
	return []string{
		"--data-dir=" + filepath.Join(o.Dir, "data", "etcd"),
		"--client-url=https://" + address(o.Ports.EtcdClient),
		"--peer-url=https://" + address(o.Ports.EtcdPeer),
		"--ca=" + o.Certificate("etcd-ca"),
		"--cert=" + o.Certificate("etcd-server"),
		"--key=" + o.Key("etcd-server"),
	}
}

// APIServerArgs are the flags of kube-apiserver.
func (o Options) APIServerArgs() []string {
	return []string{
		"--etcd-servers=https://" + address(o.Ports.EtcdClient),
		"--etcd-cafile=" + o.Certificate("etcd-ca"),
		"--etcd-certfile=" + o.Certificate("apiserver-etcd-client"),
		"--etcd-keyfile=" + o.Key("apiserver-etcd-client"),
		"--bind-address=" + host,
		"--advertise-address=" + host,
		// Its service would get loopback endpoints, which the API refuses.
		"--endpoint-reconciler-type=none",
		"--secure-port=" + strconv.Itoa(o.Ports.API),
		"--tls-cert-file=" + o.Certificate("apiserver"),
		"--tls-private-key-file=" + o.Key("apiserver"),
		"--client-ca-file=" + o.Certificate("ca"),
		"--anonymous-auth=false",
		"--authorization-mode=Node,RBAC",
		"--service-cluster-ip-range=" + ServiceCIDR,
		"--service-account-issuer=https://kubernetes.default.svc.cluster.local",
		"--service-account-key-file=" + o.pki("sa.pub"),
		"--service-account-signing-key-file=" + o.Key("sa"),
		"--kubelet-certificate-authority=" + o.Certificate("kubelet-ca"),
		"--kubelet-client-certificate=" + o.Certificate("apiserver-kubelet-client"),
		"--kubelet-client-key=" + o.Key("apiserver-kubelet-client"),
		// The tunnel knows whose address it is; a host name would be looked up first.
		"--kubelet-preferred-address-types=InternalIP",
		"--egress-selector-config-file=" + o.egressFile(),
		"--requestheader-client-ca-file=" + o.Certificate("front-proxy-ca"),
		"--requestheader-allowed-names=front-proxy-client",
		"--requestheader-username-headers=X-Remote-User",
		"--requestheader-group-headers=X-Remote-Group",
		"--requestheader-extra-headers-prefix=X-Remote-Extra-",
		"--proxy-client-cert-file=" + o.Certificate("front-proxy-client"),
		"--proxy-client-key-file=" + o.Key("front-proxy-client"),
		"--enable-aggregator-routing=true",
		"--allow-privileged=true",
		"--profiling=false",
		// A lab's clients are our own: they are not to be slowed down when a
		// thousand nodes are made at once.
		"--enable-priority-and-fairness=false",
		"--max-requests-inflight=3000",
		"--max-mutating-requests-inflight=1500",
		"--v=1",
	}
}

// ControllerManagerArgs are the flags of kube-controller-manager.
func (o Options) ControllerManagerArgs() []string {
	kubeconfig := o.Kubeconfig("controller-manager")
	return []string{
		"--kubeconfig=" + kubeconfig,
		"--authentication-kubeconfig=" + kubeconfig,
		"--authorization-kubeconfig=" + kubeconfig,
		"--authorization-always-allow-paths=/healthz,/readyz,/livez,/metrics",
		"--bind-address=" + host,
		"--secure-port=" + strconv.Itoa(o.Ports.ControllerManager),
		"--tls-cert-file=" + o.Certificate("controller-manager-server"),
		"--tls-private-key-file=" + o.Key("controller-manager-server"),
		"--leader-elect=false",
		"--profiling=false",
		"--use-service-account-credentials=true",
		"--service-account-private-key-file=" + o.Key("sa"),
		"--root-ca-file=" + o.Certificate("ca"),
		"--allocate-node-cidrs=true",
		"--cluster-cidr=" + PodCIDR,
		"--service-cluster-ip-range=" + ServiceCIDR,
		"--node-cidr-mask-size=24",
		// Nobody asks for certificates here, no cloud has routes, and no
		// kubelet caches secrets for the time that the size of the cluster says.
		"--controllers=*,-certificatesigningrequest-signing-controller,-certificatesigningrequest-approving-controller," +
			"-certificatesigningrequest-cleaner-controller,-node-route-controller,-service-lb-controller,-ttl-controller",
		"--kube-api-qps=2000",
		"--kube-api-burst=4000",
		"--concurrent-deployment-syncs=5",
		"--concurrent-replicaset-syncs=10",
		"--concurrent-statefulset-syncs=20",
		"--concurrent-daemonset-syncs=10",
		"--concurrent-job-syncs=10",
		"--concurrent-gc-syncs=40",
		"--concurrent-endpoint-syncs=5",
		"--concurrent-service-endpoint-syncs=5",
		"--v=1",
	}
}

func (o Options) schedulerFile() string { return filepath.Join(o.Dir, "config", "kube-scheduler.yaml") }

// schedulerConfig renders the scheduler's configuration
// (kubescheduler.config.k8s.io/v1 KubeSchedulerConfiguration): Kubernetes'
// defaults, but in a large cluster a tenth of the nodes that would do are
// compared, and never fewer than a hundred. By default it is nearly half of a
// thousand, which takes most of the time of placing a pod.
func (o Options) schedulerConfig() string {
	return fmt.Sprintf(`apiVersion: kubescheduler.config.k8s.io/v1
kind: KubeSchedulerConfiguration
clientConnection:
  kubeconfig: %s
  contentType: application/vnd.kubernetes.protobuf
  qps: 2000
  burst: 4000
leaderElection:
  leaderElect: false
enableProfiling: false
percentageOfNodesToScore: 10
`, strconv.Quote(o.Kubeconfig("scheduler")))
}

// SchedulerArgs are the flags of kube-scheduler.
func (o Options) SchedulerArgs() []string {
	kubeconfig := o.Kubeconfig("scheduler")
	return []string{
		"--config=" + o.schedulerFile(),
		"--authentication-kubeconfig=" + kubeconfig,
		"--authorization-kubeconfig=" + kubeconfig,
		"--authorization-always-allow-paths=/healthz,/readyz,/livez,/metrics",
		"--bind-address=" + host,
		"--secure-port=" + strconv.Itoa(o.Ports.Scheduler),
		"--tls-cert-file=" + o.Certificate("scheduler-server"),
		"--tls-private-key-file=" + o.Key("scheduler-server"),
		"--v=1",
	}
}
