// Package images knows how images are named and archived: what the name of an
// image says, what kubelets ask a node's container runtime for, and archives as
// `docker save` writes them, which it turns into what containerd takes.
package images

import (
	"fmt"

	"github.com/distribution/reference"
)

// Reference is the name of an image taken apart.
type Reference struct{ named reference.Named }

// Parse reads the name of an image as users write it: busybox, name:tag,
// registry/name@sha256:… or name:tag@sha256:….
func Parse(name string) (Reference, error) {
	named, err := reference.ParseNormalizedNamed(name)
	if err != nil {
		return Reference{}, fmt.Errorf("the image name %q: %w", name, err)
	}
	return Reference{named}, nil
}

// Digest is what the image is pinned to; empty if it is not.
func (r Reference) Digest() string {
	if digested, ok := r.named.(reference.Digested); ok {
		return digested.Digest().String()
	}
	return ""
}

// Tagged is the name with its tag and without its digest; empty if there is no
// tag next to a digest.
func (r Reference) Tagged() string {
	name := reference.TrimNamed(r.named)
	tagged, ok := r.named.(reference.Tagged)
	if !ok {
		if r.Digest() != "" {
			return ""
		}
		return reference.FamiliarString(reference.TagNameOnly(name))
	}
	// The tag is one that was parsed: it fits.
	withTag, err := reference.WithTag(name, tagged.Tag())
	if err != nil {
		return ""
	}
	return reference.FamiliarString(withTag)
}

// Repository is the name alone, in full: docker.io/library/busybox.
func (r Reference) Repository() string { return r.named.Name() }

// InNodes is the name that a node's containerd has to know, so that a pod of
// this image starts without a registry: in full, and without the tag if there is
// a digest. The runtime's image service looks for this one, letter by letter.
func (r Reference) InNodes() string {
	if digested, ok := r.named.(reference.Digested); ok {
		return r.named.Name() + "@" + digested.Digest().String()
	}
	return reference.TagNameOnly(r.named).String()
}
