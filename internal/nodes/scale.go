package nodes

import (
	"context"
	"errors"
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/metadata"
	"k8s.io/client-go/rest"

	"github.com/diorama-lab/diorama/internal/apiretry"
	"github.com/diorama-lab/diorama/internal/apply"
	"github.com/diorama-lab/diorama/internal/wait"
)

// Progress tells how far Scale or WaitReady has come.
type Progress struct {
	// Step says what is being done, for people: "create nodes".
	Step string
	// Done of Total have been written or have become ready.
	Done, Total int
	// Again says what failed and is tried again; there is no step then.
	Again string
}

// String says it in a few words.
func (p Progress) String() string {
	if p.Again != "" {
		return p.Again
	}
	return fmt.Sprintf("%s %d/%d", p.Step, p.Done, p.Total)
}

// Observer hears what Scale does. Both may be nil.
type Observer struct {
	// Progress is called from one goroutine at a time.
	Progress func(Progress)
	// Leaving is called with the nodes that are to be removed, while they and
	// their pods are all there still: whoever asks their kubelets has to have
	// stopped when it returns.
	Leaving func(ctx context.Context, nodes []string) error
}

// Scale makes the cluster have the fleet's nodes and the workloads, and
// nothing else of what it made before. It may be called again at any time,
// also after it was interrupted: what is right already is not written again.
// Objects without its labels are not touched.
//
// It returns when everything has been written and removed nodes are empty and
// gone; WaitReady waits until nodes and pods are up.
func Scale(ctx context.Context, config *rest.Config, f Fleet, w Workloads, o Observer) error {
	if err := CheckCapacity(f, w); err != nil {
		return err
	}
	plan, err := planObjects(w)
	if err != nil {
		return err
	}
	s, err := newScaler(config, o)
	if err != nil {
		return err
	}
	existing, err := s.existing(ctx)
	if err != nil {
		return err
	}
	if w.Alongside {
		if err := s.refuseForeign(ctx, plan); err != nil {
			return err
		}
	}
	surplusNodes, err := s.createNodes(ctx, f)
	if err != nil {
		return err
	}
	for number := range waves {
		if number == len(waves)-1 {
			s.waitForNodes(ctx, f)
		}
		if err := s.write(ctx, number, plan, existing); err != nil {
			return err
		}
	}
	for number := len(waves) - 1; number > 0; number-- {
		if err := s.remove(ctx, number, plan, existing); err != nil {
			return err
		}
	}
	if err := s.drain(ctx, surplusNodes); err != nil {
		return err
	}
	return s.remove(ctx, 0, plan, existing)
}

// scaler is one run of Scale.
type scaler struct {
	config   *rest.Config
	typed    kubernetes.Interface
	dynamic  dynamic.Interface
	metadata metadata.Interface
	report   *reporter
	leaving  func(context.Context, []string) error
}

func newScaler(config *rest.Config, o Observer) (*scaler, error) {
	fast := unlimited(config)
	protobuf := rest.CopyConfig(fast)
	protobuf.ContentType = "application/vnd.kubernetes.protobuf"
	typed, errTyped := kubernetes.NewForConfig(protobuf)
	dyn, errDynamic := dynamic.NewForConfig(fast)
	meta, errMetadata := metadata.NewForConfig(fast)
	if err := errors.Join(errTyped, errDynamic, errMetadata); err != nil {
		return nil, fmt.Errorf("set up clients: %w", err)
	}
	return &scaler{
		config: config, typed: typed, dynamic: dyn, metadata: meta, report: newReporter(o.Progress), leaving: o.Leaving,
	}, nil
}

// request makes a request again as long as it fails for a reason that passes.
func (s *scaler) request(ctx context.Context, what string, request func(context.Context) error) error {
	return apiretry.Do(ctx, what, s.report.again, request)
}

// existing returns what Scale made before, by key. Lists are short: a few
// hundred objects for the largest clusters.
func (s *scaler) existing(ctx context.Context) (map[string]planned, error) {
	found := map[string]planned{}
	for _, wave := range waves {
		for _, gvr := range wave {
			var list *unstructured.UnstructuredList
			err := s.request(ctx, "listing "+gvr.Resource, func(ctx context.Context) (err error) {
				list, err = s.dynamic.Resource(gvr).List(ctx, metav1.ListOptions{LabelSelector: managedBySelector})
				return err
			})
			if err != nil {
				return nil, fmt.Errorf("list %s: %w", gvr.Resource, err)
			}
			for i := range list.Items {
				p := planned{resource: gvr, object: &list.Items[i]}
				// What a controller made of an object carries its labels.
				if len(p.object.GetOwnerReferences()) == 0 {
					found[p.key()] = p
				}
			}
		}
	}
	return found, nil
}

// refuseForeign returns an error if a planned namespace is there and not Scale's:
// it would become its own, and be deleted with all that is in it one day.
func (s *scaler) refuseForeign(ctx context.Context, plan []planned) error {
	for _, p := range plan {
		if p.resource.Resource != "namespaces" {
			continue
		}
		var found *corev1.Namespace
		err := s.request(ctx, "looking at "+p.key(), func(ctx context.Context) (err error) {
			found, err = s.typed.CoreV1().Namespaces().Get(ctx, p.object.GetName(), metav1.GetOptions{})
			return err
		})
		switch {
		case apierrors.IsNotFound(err):
		case err != nil:
			return fmt.Errorf("look at the namespace %s: %w", p.object.GetName(), err)
		case !own(found):
			return fmt.Errorf("the namespace %s is there already and holds no simulated workloads: rename it, "+
				"or give simulated pods another one in a pod template", found.Name)
		}
	}
	return nil
}

// write creates or corrects the planned objects of one wave.
func (s *scaler) write(ctx context.Context, wave int, plan []planned, existing map[string]planned) error {
	var due []planned
	for _, p := range plan {
		if inWave(p, wave) && !upToDate(p, existing[p.key()].object) {
			due = append(due, p)
		}
	}
	step := s.report.step("write workloads", len(due))
	return inParallel(ctx, due, func(ctx context.Context, p planned) error {
		defer step.done()
		_, exists := existing[p.key()]
		if err := s.writeOne(ctx, p, exists); err != nil {
			return fmt.Errorf("write %s: %w", p.key(), err)
		}
		return nil
	})
}

func (s *scaler) writeOne(ctx context.Context, p planned, exists bool) error {
	if !exists {
		// Creating costs the API server a third of what applying does.
		err := s.create(ctx, p)
		if err == nil {
			return s.afterCreate(ctx, p)
		}
		if terminating(err) {
			return s.createAgain(ctx, p)
		}
		if !apierrors.IsAlreadyExists(err) {
			return err
		}
	}
	return s.apply(ctx, p)
}

// apply writes an object that is there: an earlier one of ours, or what a
// controller made while we were about to, or we ourselves without hearing of it.
func (s *scaler) apply(ctx context.Context, p planned) error {
	in := s.dynamic.Resource(p.resource).Namespace(p.object.GetNamespace())
	applied, err := apply.Object(ctx, "applying "+p.key(), in, p.object, s.report.again)
	if err != nil {
		return err
	}
	if _, counted, err := unstructured.NestedMap(applied.Object, "status", "hard"); counted || err != nil {
		return err
	}
	return s.afterCreate(ctx, p)
}

func (s *scaler) create(ctx context.Context, p planned) error {
	client := s.dynamic.Resource(p.resource).Namespace(p.object.GetNamespace())
	return s.request(ctx, "creating "+p.key(), func(ctx context.Context) error {
		_, err := client.Create(ctx, p.object, metav1.CreateOptions{FieldManager: apply.FieldManager})
		return err
	})
}

// terminating tells whether a namespace that a former Scale deleted is still
// on its way out.
func terminating(err error) bool {
	return apierrors.HasStatusCause(err, corev1.NamespaceTerminatingCause)
}

// createAgain waits for the old namespace to be gone. Its new one was refused
// or merged into the old one, so it is made here.
func (s *scaler) createAgain(ctx context.Context, p planned) error {
	spaces := s.typed.CoreV1().Namespaces()
	return wait.Until(ctx, 200*time.Millisecond, func(ctx context.Context) (bool, error) {
		err := s.create(ctx, p)
		switch {
		case err == nil:
			return true, s.afterCreate(ctx, p)
		case apierrors.IsAlreadyExists(err):
			return true, s.apply(ctx, p)
		case apierrors.IsNotFound(err):
			space := namespace(p.object.GetNamespace()).(*corev1.Namespace)
			err := s.request(ctx, "creating the namespace "+space.Name, func(ctx context.Context) error {
				_, err := spaces.Create(ctx, space, metav1.CreateOptions{FieldManager: apply.FieldManager})
				return err
			})
			if err != nil && !apierrors.IsAlreadyExists(err) {
				return true, err
			}
			return false, nil
		case terminating(err):
			return false, nil
		}
		return true, err
	})
}

// afterCreate fills in a quota's status. Until it has one, the API server
// refuses all pods of the namespace, and their controllers back off for
// seconds; the controller manager recounts it later anyway.
func (s *scaler) afterCreate(ctx context.Context, p planned) error {
	if p.resource.Resource != "resourcequotas" {
		return nil
	}
	hard, _, err := unstructured.NestedMap(p.object.Object, "spec", "hard")
	if err != nil {
		return err
	}
	used := map[string]any{}
	for name := range hard {
		used[name] = "0"
	}
	status, err := (&unstructured.Unstructured{Object: map[string]any{
		"apiVersion": "v1", "kind": "ResourceQuota", "status": map[string]any{"hard": hard, "used": used},
	}}).MarshalJSON()
	if err != nil {
		return err
	}
	client := s.dynamic.Resource(p.resource).Namespace(p.object.GetNamespace())
	return s.request(ctx, "filling in the status of "+p.key(), func(ctx context.Context) error {
		_, err := client.Patch(ctx, p.object.GetName(), types.MergePatchType, status, metav1.PatchOptions{}, "status")
		return err
	})
}

// remove deletes what is no longer planned, of one wave.
func (s *scaler) remove(ctx context.Context, wave int, plan []planned, existing map[string]planned) error {
	wanted := map[string]bool{}
	for _, p := range plan {
		wanted[p.key()] = true
	}
	var surplus []planned
	for key, p := range existing {
		if inWave(p, wave) && !wanted[key] {
			surplus = append(surplus, p)
		}
	}
	step := s.report.step("remove workloads", len(surplus))
	return inParallel(ctx, surplus, func(ctx context.Context, p planned) error {
		defer step.done()
		client := s.dynamic.Resource(p.resource).Namespace(p.object.GetNamespace())
		options := metav1.DeleteOptions{PropagationPolicy: new(metav1.DeletePropagationBackground)}
		err := s.request(ctx, "deleting "+p.key(), func(ctx context.Context) error {
			return client.Delete(ctx, p.object.GetName(), options)
		})
		if err != nil && !apierrors.IsNotFound(err) {
			return fmt.Errorf("delete %s: %w", p.key(), err)
		}
		return nil
	})
}

func inWave(p planned, wave int) bool {
	for _, gvr := range waves[wave] {
		if gvr == p.resource {
			return true
		}
	}
	return false
}

// upToDate compares what is planned with what there is: by hash, and by the
// number of replicas, which other clients change most.
func upToDate(want planned, got *unstructured.Unstructured) bool {
	if got == nil || got.GetDeletionTimestamp() != nil {
		return false
	}
	if want.resource.Resource == "jobs" {
		// A Job's template cannot be changed; it has run.
		return true
	}
	if got.GetAnnotations()[hashAnnotation] != want.object.GetAnnotations()[hashAnnotation] {
		return false
	}
	wantReplicas, _, _ := unstructured.NestedInt64(want.object.Object, "spec", "replicas")
	gotReplicas, _, _ := unstructured.NestedInt64(got.Object, "spec", "replicas")
	return wantReplicas == gotReplicas
}
