package nodes

import (
	"context"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"slices"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/kwok/kustomize/stage/node/fast"
	heartbeat "sigs.k8s.io/kwok/kustomize/stage/node/heartbeat-with-lease"
	podfast "sigs.k8s.io/kwok/kustomize/stage/pod/fast"
	"sigs.k8s.io/kwok/pkg/apis/v1alpha1"

	"github.com/diorama-lab/diorama/internal/apiretry"
	"github.com/diorama-lab/diorama/internal/apply"
)

// StageFile is a file with one or more Stage objects.
type StageFile struct {
	// Name is used in errors: the path the user gave.
	Name string
	Data []byte
}

var stageResource = v1alpha1.GroupVersion.WithResource("stages")

//go:embed stages/*.yaml
var ownStages embed.FS

// defaultStages returns the stages that need no file of the user's: KWOK's
// where they do, ours where the simulated kubelet has to say more (container
// IDs, init containers, native sidecars) or volumes are concerned.
func defaultStages() ([]*v1alpha1.Stage, error) {
	files := []StageFile{
		{Name: "KWOK's node-initialize", Data: []byte(fast.DefaultNodeInit)},
		{Name: "KWOK's node-heartbeat-with-lease", Data: []byte(heartbeat.DefaultNodeHeartbeatWithLease)},
		{Name: "KWOK's pod-delete", Data: []byte(podfast.DefaultPodDelete)},
	}
	names, err := fs.Glob(ownStages, "stages/*.yaml")
	if err != nil {
		return nil, fmt.Errorf("list embedded stages: %w", err)
	}
	for _, name := range names {
		data, err := ownStages.ReadFile(name)
		if err != nil {
			return nil, fmt.Errorf("read embedded stage: %w", err)
		}
		files = append(files, StageFile{Name: name, Data: data})
	}
	return parseStages(files)
}

// ParseStages checks the user's Stage files as far as that is possible without
// a cluster. The error names file and line.
func ParseStages(files []StageFile) error {
	_, err := parseStages(files)
	return err
}

// ApplyStages makes the cluster's Stage objects be the default ones with those
// of files on top: a Stage in a file replaces the default of the same name, a
// later file an earlier one. Stages that an earlier call wrote and that are no
// longer asked for are deleted; stages of other origin are left alone.
//
// All files are checked before anything is written. report gets what is
// tried again; it may be nil.
func ApplyStages(ctx context.Context, config *rest.Config, files []StageFile, report apiretry.Report) error {
	wanted, err := defaultStages()
	if err != nil {
		return err
	}
	extra, err := parseStages(files)
	if err != nil {
		return err
	}
	for _, stage := range extra {
		wanted = slices.DeleteFunc(wanted, func(s *v1alpha1.Stage) bool { return s.Name == stage.Name })
		wanted = append(wanted, stage)
	}
	client, err := dynamic.NewForConfig(unlimited(config))
	if err != nil {
		return fmt.Errorf("set up the client for stages: %w", err)
	}
	stages := client.Resource(stageResource)
	err = inParallel(ctx, wanted, func(ctx context.Context, stage *v1alpha1.Stage) error {
		stage.Labels = withLabels(stage.Labels, managedByLabels())
		stage.TypeMeta = metav1.TypeMeta{APIVersion: v1alpha1.GroupVersion.String(), Kind: v1alpha1.StageKind}
		object, err := runtime.DefaultUnstructuredConverter.ToUnstructured(stage)
		if err != nil {
			return fmt.Errorf("encode stage %s: %w", stage.Name, err)
		}
		what := "applying the stage " + stage.Name
		if _, err = apply.Object(ctx, what, stages, &unstructured.Unstructured{Object: object}, report); err != nil {
			return fmt.Errorf("apply stage %s: %w", stage.Name, err)
		}
		return nil
	})
	if err != nil {
		return err
	}
	return pruneStages(ctx, stages, wanted, report)
}

func pruneStages(
	ctx context.Context, stages dynamic.ResourceInterface, wanted []*v1alpha1.Stage, report apiretry.Report,
) error {
	var ours *unstructured.UnstructuredList
	err := apiretry.Do(ctx, "listing the stages", report, func(ctx context.Context) (err error) {
		ours, err = stages.List(ctx, metav1.ListOptions{LabelSelector: managedBySelector})
		return err
	})
	if err != nil {
		return fmt.Errorf("list stages: %w", err)
	}
	var errs []error
	for _, stage := range ours.Items {
		name := stage.GetName()
		if slices.ContainsFunc(wanted, func(s *v1alpha1.Stage) bool { return s.Name == name }) {
			continue
		}
		err := apiretry.Do(ctx, "deleting the stage "+name, report, func(ctx context.Context) error {
			return stages.Delete(ctx, name, metav1.DeleteOptions{})
		})
		if err != nil && !apierrors.IsNotFound(err) {
			errs = append(errs, fmt.Errorf("delete stage %s: %w", name, err))
		}
	}
	return errors.Join(errs...)
}
