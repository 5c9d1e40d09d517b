package apply_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"testing"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/rest"

	"github.com/diorama-lab/diorama/internal/apply"
)

// server answers the requests with these errors, one after the other, and then
// with what it was sent. It keeps what it was asked.
type server struct {
	failures []*apierrors.StatusError
	asked    []string
}

func (s *server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.asked = append(s.asked, r.Method+" "+r.URL.String()+" "+r.Header.Get("Content-Type"))
	body, _ := io.ReadAll(r.Body)
	w.Header().Set("Content-Type", "application/json")
	if len(s.failures) > 0 {
		status := s.failures[0].Status()
		s.failures = s.failures[1:]
		w.WriteHeader(int(status.Code))
		_ = json.NewEncoder(w).Encode(status)
		return
	}
	_, _ = w.Write(body)
}

// maps is where a server has ConfigMaps.
func (s *server) maps(t *testing.T) dynamic.ResourceInterface {
	t.Helper()
	running := httptest.NewServer(s)
	t.Cleanup(running.Close)
	client, err := dynamic.NewForConfig(&rest.Config{Host: running.URL})
	if err != nil {
		t.Fatal(err)
	}
	return client.Resource(schema.GroupVersionResource{Version: "v1", Resource: "configmaps"}).Namespace("a")
}

func configMap() *unstructured.Unstructured {
	return &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": "v1", "kind": "ConfigMap",
		"metadata": map[string]any{"name": "b", "namespace": "a"}, "data": map[string]any{"key": "value"},
	}}
}

func failing(code int32, reason metav1.StatusReason, message string) *apierrors.StatusError {
	return &apierrors.StatusError{ErrStatus: metav1.Status{
		TypeMeta: metav1.TypeMeta{APIVersion: "v1", Kind: "Status"},
		Status:   metav1.StatusFailure, Code: code, Reason: reason, Message: message,
	}}
}

func TestObject(t *testing.T) {
	s := &server{failures: []*apierrors.StatusError{failing(503, metav1.StatusReasonServiceUnavailable, "starting")}}
	var reports []string
	again := func(text string) { reports = append(reports, text) }
	applied, err := apply.Object(t.Context(), "applying ConfigMap b", s.maps(t), configMap(), again)
	if err != nil {
		t.Fatal(err)
	}
	if value, _, _ := unstructured.NestedString(applied.Object, "data", "key"); value != "value" {
		t.Errorf("what is there then is %v", applied)
	}
	request := "PATCH /api/v1/namespaces/a/configmaps/b?fieldManager=diorama&force=true application/apply-patch+yaml"
	if !slices.Equal(s.asked, []string{request, request}) {
		t.Errorf("asked %q", s.asked)
	}
	if !slices.Equal(reports, []string{"applying ConfigMap b failed, trying again: starting"}) {
		t.Errorf("reported %q", reports)
	}
}

func TestRefusedForGood(t *testing.T) {
	s := &server{failures: []*apierrors.StatusError{failing(422, metav1.StatusReasonInvalid, "no such field")}}
	_, err := apply.Object(t.Context(), "applying ConfigMap b", s.maps(t), configMap(), nil)
	if !apierrors.IsInvalid(err) || len(s.asked) != 1 {
		t.Errorf("asked %d times: %v", len(s.asked), err)
	}
}

// What a server sent cannot be applied: it says who owns which field.
func TestObjectOfAServer(t *testing.T) {
	object := configMap()
	object.SetManagedFields([]metav1.ManagedFieldsEntry{{Manager: "somebody"}})
	s := &server{}
	if _, err := apply.Object(t.Context(), "applying ConfigMap b", s.maps(t), object, nil); err == nil || s.asked != nil {
		t.Errorf("asked %q, %v", s.asked, err)
	}
}

func TestContextEnds(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	slow := failing(500, metav1.StatusReasonInternalError, "etcdserver: request timed out")
	s := &server{failures: slices.Repeat([]*apierrors.StatusError{slow}, 9)}
	_, err := apply.Object(ctx, "applying ConfigMap b", s.maps(t), configMap(), func(string) { cancel() })
	if !errors.Is(err, context.Canceled) || !apierrors.IsInternalError(err) || len(s.asked) != 1 {
		t.Errorf("got %v", err)
	}
}
