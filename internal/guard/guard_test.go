package guard

import "testing"

func TestHosts(t *testing.T) {
	loopback := Guard{Listen: "127.0.0.1:3000", AllowedHosts: []string{"host.docker.internal"}}
	private := Guard{Listen: "127.0.0.1:4318", PrivateNames: true}
	everywhere := Guard{Listen: "0.0.0.0:3000"}
	for _, c := range []struct {
		guard Guard
		host  string
		want  bool
	}{
		{loopback, "localhost:3000", true}, {loopback, "127.0.0.1", true},
		{loopback, "[::1]:3000", true}, {loopback, "lab.localhost", true},
		{loopback, "LOCALHOST.", true}, {loopback, "host.docker.internal:3000", true},
		{loopback, "evil.example", false}, {loopback, "10.0.0.1", false},
		{loopback, "", false}, {loopback, "localhost.evil.example", false},
		// A page cannot choose the address that a browser talks to, only the name.
		{everywhere, "10.0.0.1:3000", true}, {everywhere, "evil.example", false},
		{Guard{}, "localhost", false},
		// No site has such a name.
		{private, "host.docker.internal:4318", true}, {private, "collector:4318", true},
		{private, "otel.monitoring.svc:4318", true}, {private, "otel.monitoring.svc.cluster.local", true},
		{private, "evil.example", false}, {private, "", false}, {private, "10.0.0.1", false},
		{private, "internal.evil.example", false}, {loopback, "collector", false},
	} {
		if got := c.guard.HostAllowed(c.host); got != c.want {
			t.Errorf("%+v, host %q: %v, want %v", c.guard, c.host, got, c.want)
		}
	}
}
