package portforward

import (
	"reflect"
	"testing"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	"k8s.io/apimachinery/pkg/types"
)

func TestNewView(t *testing.T) {
	yes, no, udp := true, false, corev1.ProtocolUDP
	port := func(name string, number int32) discoveryv1.EndpointPort {
		return discoveryv1.EndpointPort{Name: &name, Port: &number}
	}
	endpoint := func(name string, ready *bool) discoveryv1.Endpoint {
		return discoveryv1.Endpoint{
			TargetRef:  &corev1.ObjectReference{Kind: "Pod", Name: name, UID: types.UID("uid-" + name)},
			Conditions: discoveryv1.EndpointConditions{Ready: ready},
		}
	}
	dns := port("dns", 53)
	dns.Protocol = &udp
	service := &corev1.Service{Spec: corev1.ServiceSpec{Ports: []corev1.ServicePort{
		{Name: "http", Port: 80}, {Name: "metrics", Port: 9090, Protocol: corev1.ProtocolTCP},
		{Name: "dns", Port: 53, Protocol: corev1.ProtocolUDP},
	}}}
	got := newView(service, []discoveryv1.EndpointSlice{
		// A named target port is another number in other pods: two slices.
		{Ports: []discoveryv1.EndpointPort{port("http", 8080), dns}, Endpoints: []discoveryv1.Endpoint{
			endpoint("b", &yes), endpoint("c", &no),
		}},
		{Ports: []discoveryv1.EndpointPort{port("http", 8081), port("metrics", 9090)},
			Endpoints: []discoveryv1.Endpoint{endpoint("a", nil)}},
		// The same pod by its other address.
		{Ports: []discoveryv1.EndpointPort{port("http", 8080)}, Endpoints: []discoveryv1.Endpoint{endpoint("b", &yes)}},
		// What no API server can forward to, and a port that may be any.
		{Ports: []discoveryv1.EndpointPort{{}}, Endpoints: []discoveryv1.Endpoint{{Addresses: []string{"10.0.0.1"}}}},
	})
	want := view{names: map[int]string{80: "http", 9090: "metrics"}, pods: []pod{
		{name: "a", uid: "uid-a", ready: true, ports: map[string]int{"http": 8081, "metrics": 9090}},
		{name: "b", uid: "uid-b", ready: true, ports: map[string]int{"http": 8080}},
		{name: "c", uid: "uid-c", ports: map[string]int{"http": 8080}},
	}}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
	if without := newView(&corev1.Service{}, nil); portList(without.names) != "none at all" ||
		portList(want.names) != "80, 9090" {
		t.Errorf("the ports are listed as %q and %q", portList(without.names), portList(want.names))
	}
}
