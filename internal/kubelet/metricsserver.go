package kubelet

import (
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"errors"
	"net"
	"net/http"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/labels"
	metricsv1 "k8s.io/metrics/pkg/apis/metrics/v1beta1"
)

// The service that the API server's aggregator looks for metrics at; it is
// called so in production.
const (
	metricsNamespace = "kube-system"
	metricsService   = "metrics-server"
)

// aggregated is the metrics API as the aggregator reaches it: through the
// tunnel, at a host that no node has.
type aggregated struct {
	host      string
	authority *authority
	clients   *x509.CertPool // of the aggregator
	accepted  *handoff
}

func newAggregated(o Options, a *authority, addr net.Addr) (*aggregated, error) {
	if o.RequestHeaderCA == "" {
		return nil, errors.New("no request header CA: name the CA of the API server's aggregator")
	}
	clients, err := clientPool([]string{o.RequestHeaderCA})
	if err != nil {
		return nil, err
	}
	return &aggregated{host: o.MetricsHost, authority: a, clients: clients, accepted: newHandoff(addr)}, nil
}

// tls lets in nobody but the aggregator, which says who asks, and has made
// sure that they may.
func (g *aggregated) tls() (*tls.Config, error) {
	name := metricsService + "." + metricsNamespace + ".svc"
	certificate, err := g.authority.serving(pkix.Name{CommonName: metricsService}, name, name+".cluster.local")
	if err != nil {
		return nil, err
	}
	return serverTLS(certificate, g.clients), nil
}

// metricsServer answers what kubectl top and the autoscaler ask, as
// metrics-server would: but from usage at the moment of the question, not from
// what it scraped some seconds before.
type metricsServer struct{ store *store }

func (m *metricsServer) handler() http.Handler {
	root := "/apis/" + metricsv1.SchemeGroupVersion.String()
	mux := http.NewServeMux()
	mux.HandleFunc("GET "+root, func(w http.ResponseWriter, _ *http.Request) { writeJSON(w, metricsResources()) })
	mux.HandleFunc("GET "+root+"/nodes", m.listNodes)
	mux.HandleFunc("GET "+root+"/nodes/{name}", m.getNode)
	mux.HandleFunc("GET "+root+"/pods", m.listPods)
	mux.HandleFunc("GET "+root+"/namespaces/{namespace}/pods", m.listPods)
	mux.HandleFunc("GET "+root+"/namespaces/{namespace}/pods/{name}", m.getPod)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("X-Remote-User") == "" {
			writeStatus(w, apierrors.NewUnauthorized("the aggregator names no user"))
			return
		}
		mux.ServeHTTP(w, r)
	})
}

func metricsResources() *metav1.APIResourceList {
	verbs := metav1.Verbs{"get", "list"}
	return &metav1.APIResourceList{
		TypeMeta:     metav1.TypeMeta{Kind: "APIResourceList", APIVersion: "v1"},
		GroupVersion: metricsv1.SchemeGroupVersion.String(),
		APIResources: []metav1.APIResource{
			{Name: "nodes", Kind: "NodeMetrics", Verbs: verbs},
			{Name: "pods", Kind: "PodMetrics", Namespaced: true, Verbs: verbs},
		},
	}
}

func typeOf(kind string) metav1.TypeMeta {
	return metav1.TypeMeta{Kind: kind, APIVersion: metricsv1.SchemeGroupVersion.String()}
}

func (m *metricsServer) listNodes(w http.ResponseWriter, r *http.Request) {
	if sel, ok := m.selection(w, r); ok {
		writeJSON(w, &metricsv1.NodeMetricsList{TypeMeta: typeOf("NodeMetricsList"), Items: m.store.nodeMetrics(sel)})
	}
}

func (m *metricsServer) listPods(w http.ResponseWriter, r *http.Request) {
	if sel, ok := m.selection(w, r); ok {
		writeJSON(w, &metricsv1.PodMetricsList{TypeMeta: typeOf("PodMetricsList"), Items: m.store.podMetrics(sel)})
	}
}

func (m *metricsServer) getNode(w http.ResponseWriter, r *http.Request) {
	v, found := m.store.view(r.PathValue("name"))
	if !found {
		writeStatus(w, apierrors.NewNotFound(metricsv1.Resource("nodemetrics"), r.PathValue("name")))
		return
	}
	metrics := v.measure(m.store).metrics()
	metrics.TypeMeta = typeOf("NodeMetrics")
	writeJSON(w, &metrics)
}

func (m *metricsServer) getPod(w http.ResponseWriter, r *http.Request) {
	namespace, name := r.PathValue("namespace"), r.PathValue("name")
	found := m.store.podMetrics(selection{
		namespace: namespace, labels: labels.Everything(), fields: fields.OneTermEqualSelector("metadata.name", name),
	})
	if len(found) == 0 {
		writeStatus(w, apierrors.NewNotFound(metricsv1.Resource("podmetrics"), namespace+"/"+name))
		return
	}
	found[0].TypeMeta = typeOf("PodMetrics")
	writeJSON(w, &found[0])
}

// selection reads what a list is asked for; it answers itself what cannot be.
func (m *metricsServer) selection(w http.ResponseWriter, r *http.Request) (selection, bool) {
	query := r.URL.Query()
	sel := selection{namespace: r.PathValue("namespace")}
	var labelsErr, fieldsErr error
	sel.labels, labelsErr = labels.Parse(query.Get("labelSelector"))
	sel.fields, fieldsErr = fields.ParseSelector(query.Get("fieldSelector"))
	switch {
	case query.Get("watch") == "true" || query.Get("watch") == "1":
		writeStatus(w, apierrors.NewMethodNotSupported(metricsv1.Resource("metrics"), "watch"))
	case labelsErr != nil || fieldsErr != nil:
		writeStatus(w, apierrors.NewBadRequest(errors.Join(labelsErr, fieldsErr).Error()))
	case !m.store.synced():
		writeStatus(w, apierrors.NewServiceUnavailable("waiting for the API server's lists of nodes, pods and claims"))
	default:
		return sel, true
	}
	return sel, false
}

func writeStatus(w http.ResponseWriter, err *apierrors.StatusError) {
	status := err.Status()
	status.TypeMeta = metav1.TypeMeta{Kind: "Status", APIVersion: "v1"}
	data, encodeErr := json.Marshal(status)
	if encodeErr != nil {
		http.Error(w, encodeErr.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(int(status.Code))
	_, _ = w.Write(data)
}
