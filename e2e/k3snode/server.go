package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"

	"k8s.io/client-go/tools/clientcmd"
)

const (
	home = "/var/lib/rancher/k3s"
	// corednsFile is where k3d adds hosts to the cluster's DNS.
	corednsFile = home + "/server/manifests/coredns.yaml"
	// apiServer is where diorama's own is, and apiPort what k3d publishes.
	apiServer = "127.0.0.1:16443"
	apiPort   = ":6443"
)

// environment is what the first server runs. The page, Prometheus and OTLP are
// on the ports of LGTM, for what is forwarded to its pod.
const environment = `kind: embedded
cluster: {nodes: 1, pods: 0}
telemetry: {interval: 1s}
ports: {kubernetes: 16443, dashboards: 3000, prometheus: 9090, otlpGRPC: 4317, otlpHTTP: 4318}
`

const coredns = `apiVersion: v1
kind: ConfigMap
metadata: {name: coredns, namespace: kube-system}
data: {NodeHosts: ""}
`

// serve runs the cluster's first server until ctx or diorama ends.
func serve(ctx context.Context) error {
	file := filepath.Join(home, "environment.yaml")
	if err := errors.Join(write(file, environment), write(corednsFile, coredns)); err != nil {
		return err
	}
	ended, err := up(ctx, file)
	if err != nil {
		return err
	}
	admin, err := exec.CommandContext(ctx, "/diorama", "kubeconfig").Output()
	if err != nil {
		return fmt.Errorf("asking for the kubeconfig: %w", err)
	}
	c, err := newCluster(admin)
	if err != nil {
		return err
	}
	if err := c.begin(ctx); err != nil {
		return err
	}
	api, errAPI := net.Listen("tcp", apiPort)
	joins, errJoins := net.Listen("tcp", joinPort)
	if err := errors.Join(errAPI, errJoins, publish(c.kubeconfig)); err != nil {
		return err
	}
	failed := make(chan error, 3)
	go func() { failed <- forward(api, func() (net.Conn, error) { return net.Dial("tcp", apiServer) }) }()
	go func() { failed <- http.Serve(joins, c.joins()) }()
	go func() { failed <- c.pullImages(ctx) }()
	// The first server of several is asked for another line than the others.
	say("Containerd is now running: not in a stand-in")
	say("k3s is up and running: diorama's own control plane and simulated nodes stand for it")
	say("Cluster dns configmap has been set: it is a file only")
	select {
	case err := <-failed:
		return err
	case err := <-ended:
		return fmt.Errorf("diorama has ended: %w", err)
	case <-ctx.Done():
		<-ended
		return nil
	}
}

// up brings the environment up and returns when it is ready; it ends with ctx.
func up(ctx context.Context, file string) (<-chan error, error) {
	cmd := exec.CommandContext(ctx, "/diorama", "up", "--foreground", "--file", file, "--output", "json")
	cmd.Env = append(os.Environ(), "KUBECONFIG="+filepath.Join(home, "kubeconfig"))
	cmd.Stderr = os.Stderr
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	cmd.WaitDelay = 20 * time.Second
	status, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		return nil, fmt.Errorf("starting diorama: %w", err)
	}
	// It prints its status when it is ready.
	if err := json.NewDecoder(status).Decode(new(any)); err != nil {
		return nil, errors.Join(fmt.Errorf("waiting for diorama's status: %w", err), cmd.Wait())
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	return ended, nil
}

// nodeKubeconfig makes a kubeconfig as k3s writes it: all is named default, and
// the server is on the node itself.
func nodeKubeconfig(admin []byte) ([]byte, error) {
	config, err := clientcmd.Load(admin)
	if err != nil {
		return nil, fmt.Errorf("reading the kubeconfig: %w", err)
	}
	const name = "default"
	old := config.Contexts[config.CurrentContext]
	config.Clusters[name], config.AuthInfos[name] = config.Clusters[old.Cluster], config.AuthInfos[old.AuthInfo]
	config.Contexts[name] = old
	delete(config.Clusters, old.Cluster)
	delete(config.AuthInfos, old.AuthInfo)
	delete(config.Contexts, config.CurrentContext)
	config.Clusters[name].Server = "https://127.0.0.1:6443"
	old.Cluster, old.AuthInfo, config.CurrentContext = name, name, name
	return clientcmd.Write(*config)
}

// publish writes the kubeconfig where k3d asks for it.
func publish(kubeconfig []byte) error {
	return write(os.Getenv("K3S_KUBECONFIG_OUTPUT"), string(kubeconfig))
}

func write(path, text string) error {
	err := os.MkdirAll(filepath.Dir(path), 0o755)
	if err == nil {
		err = os.WriteFile(path, []byte(text), 0o600)
	}
	if err != nil {
		return fmt.Errorf("writing %s: %w", path, err)
	}
	return nil
}

func say(line string) { fmt.Println(line) }
