package kubelet

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"sync"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"go.opentelemetry.io/collector/pdata/pmetric"

	"github.com/diorama-lab/diorama/internal/hostmetrics"
)

// api answers for nodes.
type api struct {
	store   *store
	buffers sync.Pool // of *[]byte
}

// plain serves /nodes/NODE/PATH, and /healthz for the server itself.
func (a *api) plain() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { a.healthz(w) })
	mux.HandleFunc("/nodes/{node}/{path...}", func(w http.ResponseWriter, r *http.Request) {
		a.serve(w, r, r.PathValue("node"), r.PathValue("path"))
	})
	mux.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) {
		http.Error(w, "The kubelet API of a simulated node is under /nodes/NODE/, such as /nodes/NODE/stats/summary.",
			http.StatusNotFound)
	})
	return mux
}

// tunnelled serves PATH as the node that the connection was made to, and forwards
// ports of pods. The plain listener does not: it is open to those who only read.
func (a *api) tunnelled() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		path := strings.TrimPrefix(r.URL.Path, "/")
		if pod, forwards := strings.CutPrefix(path, "portForward/"); forwards {
			a.servePortForward(w, r, pod)
			return
		}
		a.serve(w, r, nodeOf(r.Context()), path)
	})
}

func (a *api) healthz(w http.ResponseWriter) {
	if !a.store.synced() {
		http.Error(w, "waiting for the API server's lists of nodes, pods and claims", http.StatusServiceUnavailable)
		return
	}
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	_, _ = w.Write([]byte("ok"))
}

// serve answers one request to one node's kubelet.
func (a *api) serve(w http.ResponseWriter, r *http.Request, node, path string) {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		w.Header().Set("Allow", "GET, HEAD")
		http.Error(w, "The simulated kubelet is read-only.", http.StatusMethodNotAllowed)
		return
	}
	v, found := a.store.view(node)
	if !found {
		a.unknown(w, node)
		return
	}
	switch strings.TrimSuffix(path, "/") {
	case "healthz":
		a.healthz(w)
	case "stats/summary":
		small, _ := strconv.ParseBool(r.URL.Query().Get("only_cpu_and_memory"))
		a.respond(w, "application/json",
			func(b []byte) []byte { return appendSummary(b, newSummary(v.measure(a.store), small)) })
	case "metrics/resource":
		a.respond(w, expositionType, func(b []byte) []byte { return appendResource(b, v.measure(a.store)) })
	case "metrics/cadvisor":
		a.respond(w, expositionType, func(b []byte) []byte { return appendCadvisor(b, v.measure(a.store)) })
	case "pods":
		writeJSON(w, podList(v))
	case "hostmetrics":
		a.writeHostMetrics(w, v, r.URL.Query().Get("metrics"))
	default:
		http.Error(w, fmt.Sprintf("The simulated kubelet has no /%s; it has /healthz, /stats/summary, /metrics/resource, "+
			"/metrics/cadvisor, /pods and /hostmetrics.", path),
			http.StatusNotFound)
	}
}

// unknown says why there is no answer for the node. Before the first lists
// are in, nobody knows whether it exists.
func (a *api) unknown(w http.ResponseWriter, node string) {
	if !a.store.synced() {
		a.healthz(w)
		return
	}
	http.Error(w, fmt.Sprintf("There is no simulated node %q: no node of that name has the annotation %s.",
		node, simulatedAnnotation),
		http.StatusNotFound)
}

// expositionType is that of Prometheus' text format as a kubelet sends it.
const expositionType = "text/plain; version=0.0.4; charset=utf-8; escaping=underscores"

// respond encodes into a buffer that is used again: a summary takes 100 KB and
// more, cAdvisor's metrics several times that.
func (a *api) respond(w http.ResponseWriter, contentType string, appendTo func([]byte) []byte) {
	buffer, _ := a.buffers.Get().(*[]byte)
	if buffer == nil {
		buffer = new([]byte)
	}
	*buffer = appendTo((*buffer)[:0])
	w.Header().Set("Content-Type", contentType)
	write(w, *buffer)
	a.buffers.Put(buffer)
}

// writeHostMetrics sends those that are listed; the receiver's defaults if none are.
func (a *api) writeHostMetrics(w http.ResponseWriter, v view, list string) {
	selection, err := hostmetrics.Select(list)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	data, err := (&pmetric.ProtoMarshaler{}).MarshalMetrics(hostmetrics.Metrics(v.measure(a.store).host(), selection))
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/x-protobuf")
	write(w, data)
}

// podList is the node's pods. The objects are trimmed, see trimPod.
func podList(v view) *corev1.PodList {
	list := &corev1.PodList{
		TypeMeta: metav1.TypeMeta{Kind: "PodList", APIVersion: "v1"},
		Items:    make([]corev1.Pod, 0, len(v.pods)),
	}
	for _, p := range v.pods {
		list.Items = append(list.Items, *p.object)
	}
	return list
}

func writeJSON(w http.ResponseWriter, v any) {
	data, err := json.Marshal(v)
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	write(w, data)
}

// write sends the whole answer; a client that has gone has nobody to hear it.
func write(w http.ResponseWriter, data []byte) {
	w.Header().Set("Content-Length", strconv.Itoa(len(data)))
	_, _ = w.Write(data)
}
