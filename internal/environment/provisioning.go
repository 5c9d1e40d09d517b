package environment

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"github.com/diorama-lab/diorama/dashboards"
	"github.com/diorama-lab/diorama/internal/dashboard"
	"github.com/diorama-lab/diorama/internal/state"
)

// OpenLibrary returns the dashboards that come with diorama, with a folder of
// the user's on top ("" for none). executable evaluates jsonnet.
func OpenLibrary(folder string, jsonnetPaths []string, executable string) (*dashboard.Library, error) {
	shipped, err := fs.Sub(dashboards.FS, "json")
	if err != nil {
		return nil, fmt.Errorf("reading the built-in dashboards: %w", err)
	}
	return &dashboard.Library{
		Dir: folder, Shipped: shipped, Paths: jsonnetPaths, Evaluate: dashboard.Command(executable, "jsonnet"),
	}, nil
}

// provisioning keeps the folder that Grafana reads as the dashboards are:
// jsonnet evaluated, and the last good version of a file that is broken now.
type provisioning struct {
	library *dashboard.Library
	dir     string

	stop    context.CancelFunc
	running sync.WaitGroup
}

func (p *provisioning) start(ctx context.Context) error {
	if err := state.CreatePublic(p.dir); err != nil {
		return err
	}
	if _, err := p.library.Load(ctx); err != nil {
		return err
	}
	if err := p.write(); err != nil {
		return err
	}
	watching, stop := context.WithCancel(context.Background())
	p.stop = stop
	p.running.Go(func() {
		err := p.library.Watch(watching, func(events []dashboard.Event) {
			for _, e := range events {
				slog.Info("dashboards", "change", e.String())
			}
			if err := p.write(); err != nil {
				slog.Error("the dashboards could not be written for Grafana", "error", err)
			}
		})
		if err != nil {
			slog.Error("the dashboards are not followed", "error", err)
		}
	})
	return nil
}

func (p *provisioning) close() {
	if p.stop != nil {
		p.stop()
		p.running.Wait()
	}
}

// broken names the files that cannot be read now.
func (p *provisioning) broken() []string {
	var all []string
	for _, e := range p.library.Errors() {
		all = append(all, e.Error())
	}
	return all
}

// write makes the folder what the library is.
func (p *provisioning) write() error {
	wanted := map[string]bool{}
	var problems []error
	for _, d := range p.library.List() {
		path := filepath.Join(p.dir, d.Folder, url.PathEscape(d.UID())+".json")
		wanted[path] = true
		data, err := json.MarshalIndent(d.JSON, "", "  ")
		if err != nil {
			problems = append(problems, fmt.Errorf("encoding the dashboard %s: %w", d.UID(), err))
			continue
		}
		problems = append(problems, state.CreatePublic(filepath.Dir(path)), state.WritePublicFile(path, data))
	}
	return errors.Join(append(problems, removeOthers(p.dir, wanted))...)
}

// removeOthers removes the dashboards that are not wanted any more.
func removeOthers(dir string, wanted map[string]bool) error {
	return filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || wanted[path] || !strings.HasSuffix(path, ".json") {
			return err
		}
		return os.Remove(path)
	})
}

// writeRules writes the rules that come with diorama, and the user's.
func writeRules(dir string, globs []string) error {
	if err := state.CreatePublic(dir); err != nil {
		return err
	}
	files, err := dashboards.RuleFiles()
	if err != nil {
		return err
	}
	own, err := userRules(globs)
	if err != nil {
		return err
	}
	for i, path := range own {
		data, err := os.ReadFile(path)
		if err != nil {
			return fmt.Errorf("reading a rule file: %w", err)
		}
		files[fmt.Sprintf("own-%d-%s.yaml", i, strings.TrimSuffix(filepath.Base(path), filepath.Ext(path)))] = string(data)
	}
	for name, text := range files {
		if err := state.WritePublicFile(filepath.Join(dir, name), []byte(text)); err != nil {
			return err
		}
	}
	return nil
}

// userRules are the files that the user's rule globs name. They are copied
// once: a glob that matches nothing now would never match.
func userRules(globs []string) ([]string, error) {
	var files []string
	for _, glob := range globs {
		found, err := filepath.Glob(glob)
		if err != nil {
			return nil, fmt.Errorf("backend.rules %q: %w", glob, err)
		}
		if len(found) == 0 {
			return nil, fmt.Errorf("backend.rules: %s: %w", glob, os.ErrNotExist)
		}
		files = append(files, found...)
	}
	return files, nil
}
