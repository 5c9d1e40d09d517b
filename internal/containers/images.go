package containers

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"

	"github.com/diorama-lab/diorama/internal/docker"
)

// Images are what the engine has of the plan's images, by the names that
// the plan has for them.
type Images struct {
	mu  sync.Mutex
	all map[string]docker.Local
}

func (l *Images) add(name string, local docker.Local) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.all == nil {
		l.all = map[string]docker.Local{}
	}
	l.all[name] = local
}

// Find returns an image of the plan. The engine takes one that was not looked
// for by its own name.
func (l *Images) Find(name string) docker.Local {
	l.mu.Lock()
	defer l.mu.Unlock()
	if local, ok := l.all[name]; ok {
		return local
	}
	return docker.Local{Name: name}
}

// Warnings name the images whose digest nobody could compare.
func (l *Images) Warnings() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	var all []string
	for name, local := range l.all {
		if local.Unchecked {
			all = append(all, fmt.Sprintf("the digest of the image %s is not checked: the engine has %s without one, "+
				"as it was built or loaded from a tarball", name, local.Name))
		}
	}
	slices.Sort(all)
	return all
}

// EnsureImages loads or pulls what the engine does not have of the images. load
// are paths of tarballs.
func (s *Shared) EnsureImages(ctx context.Context, wanted, load []string, report func(text string)) error {
	missing, err := s.findImages(ctx, wanted)
	if err != nil {
		return err
	}
	for _, path := range load {
		if len(missing) == 0 {
			return nil
		}
		report("loading " + path)
		if err := s.LoadFile(ctx, path); err != nil {
			return err
		}
		if missing, err = s.findImages(ctx, missing); err != nil {
			return err
		}
	}
	for _, image := range missing {
		if err := s.pull(ctx, image, report); err != nil {
			return err
		}
	}
	return nil
}

// findImages notes what the engine has of the images, and returns the others.
func (s *Shared) findImages(ctx context.Context, names []string) ([]string, error) {
	var missing []string
	for _, name := range names {
		local, err := s.Find(ctx, name)
		switch {
		case errors.As(err, new(*docker.MissingError)):
			missing = append(missing, name)
		case err != nil:
			return nil, err
		default:
			s.Images.add(name, local)
		}
	}
	return missing, nil
}

// pull fetches an image from its registry. If that cannot be done, it says also
// what there is in its place.
func (s *Shared) pull(ctx context.Context, name string, report func(text string)) error {
	_, before := s.Find(ctx, name)
	report("pulling " + name)
	err := s.Pull(ctx, name, func(text string) { report("pulling " + name + ": " + text) })
	if other := new(docker.MissingError); err != nil && errors.As(before, &other) && other.Has != "" {
		return fmt.Errorf("%w, and %w", other, err)
	}
	if err != nil {
		return err
	}
	local, err := s.Find(ctx, name)
	if err != nil {
		return err
	}
	s.Images.add(name, local)
	return nil
}
