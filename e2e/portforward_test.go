//go:build e2e

package e2e

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os/exec"
	"strings"
	"testing"
)

// portForwardObject says where ports of the pods of a namespace are forwarded.
const portForwardObject = `apiVersion: kwok.x-k8s.io/v1alpha1
kind: ClusterPortForward
metadata: {name: e2e}
spec:
  selector: {matchNamespaces: [%s]}
  forwards:
  - {ports: [80], target: {address: 127.0.0.1, port: %d}}
  - {ports: [81], command: [nc]}
`

// checkPortForward asks a simulated pod for what its ports are forwarded to, in both
// of kubectl's protocols.
func checkPortForward(t *testing.T, l *lab) {
	l.t = t
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, "forwarded here")
	}))
	t.Cleanup(server.Close)
	pod := l.kubectl("get", "pods", "-A", "--field-selector", "status.phase=Running",
		"-o", "jsonpath={.items[0].metadata.namespace} {.items[0].metadata.name}")
	namespace, name, _ := strings.Cut(pod, " ")
	port := server.Listener.Addr().(*net.TCPAddr).Port
	manifest := l.write("portforward.yaml", fmt.Sprintf(portForwardObject, namespace, port))
	l.kubectl("apply", "-f", manifest)

	for _, protocol := range []string{"KUBECTL_PORT_FORWARD_WEBSOCKETS=true", "KUBECTL_PORT_FORWARD_WEBSOCKETS=false"} {
		address, _ := l.portForward(namespace, name, 80, protocol)
		for range 2 {
			response, err := http.Get("http://" + address)
			if err != nil {
				t.Fatalf("%s: %v", protocol, err)
			}
			text, err := io.ReadAll(response.Body)
			_ = response.Body.Close()
			if err != nil || string(text) != "forwarded here" {
				t.Errorf("%s: the port says %q, %v", protocol, text, err)
			}
		}
		for port, want := range map[int]string{
			81: "commands are not run here",
			82: fmt.Sprintf("the pod %s/%s is simulated: nothing listens on its port 82", namespace, name),
		} {
			address, said := l.portForward(namespace, name, port, protocol)
			if response, err := http.Get("http://" + address); err == nil {
				_ = response.Body.Close()
				t.Errorf("%s: the port %d answers %s", protocol, port, response.Status)
			}
			said.await(t, want)
		}
	}
	l.kubectl("delete", "-f", manifest)
}

// portForward forwards a free port of this machine to a pod's with stock kubectl
// for the time of a test. It returns the address and what kubectl says.
func (l *lab) portForward(namespace, pod string, port int, env ...string) (string, *printed) {
	l.t.Helper()
	cmd := exec.Command(binary(l.t, "KUBECTL_BINARY"), "-n", namespace, "port-forward",
		"--address", "127.0.0.1", "pod/"+pod, fmt.Sprintf(":%d", port))
	cmd.Env = append(l.env, env...)
	said := &printed{}
	cmd.Stdout, cmd.Stderr = said, said
	if err := cmd.Start(); err != nil {
		l.t.Fatal(err)
	}
	l.t.Cleanup(func() {
		_ = cmd.Process.Kill() // it may have ended: it does when a port cannot be forwarded
		_ = cmd.Wait()
	})
	line := said.await(l.t, fmt.Sprintf("-> %d", port))
	address, _, _ := strings.Cut(strings.TrimPrefix(line, "Forwarding from "), " ")
	return address, said
}
