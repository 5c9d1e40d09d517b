package environment

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"

	"github.com/diorama-lab/diorama/internal/docker"
)

// localImages are what the engine has of the plan's images, by the names that
// the plan has for them.
type localImages struct {
	mu  sync.Mutex
	all map[string]docker.Local
}

func (l *localImages) add(name string, local docker.Local) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.all == nil {
		l.all = map[string]docker.Local{}
	}
	l.all[name] = local
}

// find returns an image of the plan. The engine takes one that was not looked
// for by its own name.
func (l *localImages) find(name string) docker.Local {
	l.mu.Lock()
	defer l.mu.Unlock()
	if local, ok := l.all[name]; ok {
		return local
	}
	return docker.Local{Name: name}
}

// warnings name the images whose digest nobody could compare.
func (l *localImages) warnings() []string {
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

// ensureImages loads or pulls what the engine does not have.
func (r *recipe) ensureImages(ctx context.Context) error {
	engine := r.containers.engine
	missing, err := r.findImages(ctx, r.plan.images())
	if err != nil {
		return err
	}
	for _, path := range r.plan.Environment.Images.Load {
		if len(missing) == 0 {
			return nil
		}
		r.host.detail(imagesName, "loading "+path)
		if err := engine.LoadFile(ctx, path); err != nil {
			return err
		}
		if missing, err = r.findImages(ctx, missing); err != nil {
			return err
		}
	}
	for _, image := range missing {
		if err := r.pull(ctx, image); err != nil {
			return err
		}
	}
	return nil
}

// findImages notes what the engine has of the images, and returns the others.
func (r *recipe) findImages(ctx context.Context, names []string) ([]string, error) {
	var missing []string
	for _, name := range names {
		local, err := r.containers.engine.Find(ctx, name)
		switch {
		case errors.As(err, new(*docker.MissingError)):
			missing = append(missing, name)
		case err != nil:
			return nil, err
		default:
			r.containers.images.add(name, local)
		}
	}
	return missing, nil
}

// pull fetches an image from its registry. If that cannot be done, it says also
// what there is in its place.
func (r *recipe) pull(ctx context.Context, name string) error {
	engine := r.containers.engine
	_, before := engine.Find(ctx, name)
	r.host.detail(imagesName, "pulling "+name)
	err := engine.Pull(ctx, name, func(text string) { r.host.detail(imagesName, "pulling "+name+": "+text) })
	if other := new(docker.MissingError); err != nil && errors.As(before, &other) && other.Has != "" {
		return fmt.Errorf("%w, and %w", other, err)
	}
	if err != nil {
		return err
	}
	local, err := engine.Find(ctx, name)
	if err != nil {
		return err
	}
	r.containers.images.add(name, local)
	return nil
}
