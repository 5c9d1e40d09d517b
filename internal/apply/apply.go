// Package apply writes objects to an API server as diorama's: server-side, so
// that fields of others stay, and again when it fails for a reason that passes.
package apply

import (
	"context"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/client-go/dynamic"

	"github.com/diorama-lab/diorama/internal/apiretry"
)

// FieldManager is the owner of the fields that diorama writes.
const FieldManager = "diorama"

// Object makes what the object says be so in the API, whether it is there or
// not and whoever else says something about it, and returns what is there then.
// What names the request for report, which may be nil.
func Object(
	ctx context.Context, what string, in dynamic.ResourceInterface, object *unstructured.Unstructured,
	report apiretry.Report,
) (*unstructured.Unstructured, error) {
	options := metav1.ApplyOptions{FieldManager: FieldManager, Force: true}
	var applied *unstructured.Unstructured
	err := apiretry.Do(ctx, what, report, func(ctx context.Context) (err error) {
		applied, err = in.Apply(ctx, object.GetName(), object, options)
		return err
	})
	return applied, err
}
