package portforward

import (
	"testing"

	"go.uber.org/goleak"
)

// The kubelet's server waits for ever to close a stream whose connection went
// before it was accepted. That is not what is tested here.
func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m,
		goleak.IgnoreAnyFunction("k8s.io/kubelet/pkg/cri/streaming/portforward.(*httpStreamHandler).portForward"))
}
