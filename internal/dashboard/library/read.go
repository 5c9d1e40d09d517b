package library

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/diorama-lab/diorama/internal/dashboard/document"
	"github.com/diorama-lab/diorama/internal/dashboard/form"
)

// Readable tells that a file of that name may hold dashboards or rules.
func Readable(name string) bool {
	return filepath.Ext(name) == ".jsonnet" || name == "mixin.libsonnet" || form.Readable(name)
}

// Content is what a file of the folder holds.
type Content struct {
	Dashboards []*document.Dashboard
	// Parts are rules, and what is neither dashboards nor rules.
	Parts []form.Part
	Wrong []document.FileError
}

// Contents are those of all files, by their names.
func (l *Library) Contents() map[string]Content {
	l.mu.RLock()
	defer l.mu.RUnlock()
	all := map[string]Content{}
	for name, f := range l.files {
		all[name] = Content{f.dashboards, f.parts, f.wrong}
	}
	return all
}

// Read reads one file of the folder, whether it is among those that the library
// looks at or not.
func (l *Library) Read(ctx context.Context, name string) Content {
	read := l.read(ctx, name)
	return Content{read.dashboards, read.parts, read.wrong}
}

// read reads one file.
func (l *Library) read(ctx context.Context, name string) *file {
	full := filepath.Join(l.Dir, filepath.FromSlash(name))
	read := &file{stamps: map[string]stamp{full: stampOf(full)}}
	parts, err := l.parts(ctx, name, full, read)
	read.fails(name, err)
	folder, _, nested := strings.Cut(name, "/")
	for _, p := range parts {
		if p.Kind != form.Dashboard {
			read.parts = append(read.parts, p)
			continue
		}
		d, err := dashboardOf(name, p)
		if err != nil {
			read.fails(name, err)
			continue
		}
		if d.Folder = p.Folder; nested && d.Folder == "" {
			d.Folder = folder
		}
		read.dashboards = append(read.dashboards, d)
	}
	return read
}

// fails notes what is wrong with the file, if anything is.
func (f *file) fails(name string, err error) {
	var wrong *document.FileError
	switch {
	case err == nil:
	case errors.As(err, &wrong):
		f.wrong = append(f.wrong, *wrong)
	default:
		f.wrong = append(f.wrong, document.FileError{File: name, Message: err.Error()})
	}
}

// parts finds what a file holds, jsonnet evaluated.
func (l *Library) parts(ctx context.Context, name, full string, into *file) ([]form.Part, error) {
	if ext := filepath.Ext(name); ext == ".jsonnet" || ext == ".libsonnet" {
		text, err := l.evaluated(ctx, name, full, into)
		if err != nil {
			return nil, err
		}
		return form.Evaluated(name, text)
	}
	data, err := ReadFile(full)
	if err != nil {
		return nil, err
	}
	return form.Read(name, data)
}

// dashboardOf reads a dashboard of a file. One without a uid gets it from what it
// is called where it is kept.
func dashboardOf(name string, p form.Part) (*document.Dashboard, error) {
	called := name
	switch {
	case p.Name != "":
		called = p.Name
	case p.Where != "":
		called = strings.TrimSuffix(name, filepath.Ext(name)) + "-" + strings.ReplaceAll(p.Where, " ", "-")
	}
	d, err := document.Parse(called, p.Data)
	var wrong *document.FileError
	if errors.As(err, &wrong) {
		at := *wrong
		at.File = name
		if !p.Lines {
			at.Line, at.Column = 0, 0
		}
		if p.Where != "" {
			at.Message = p.Where + ": " + at.Message
		}
		return nil, &at
	}
	if err != nil {
		return nil, err
	}
	d.File, d.Part = name, p.Where
	return d, nil
}

// same tells of two dashboards that one of them is enough: parts of a mixin are
// read as files of their own, and in the mixin.
func same(a, b *document.Dashboard) bool {
	one, err := a.JSON.MarshalJSON()
	other, otherErr := b.JSON.MarshalJSON()
	return err == nil && otherErr == nil && slices.Equal(one, other)
}

// ReadFile reads a file of a folder of dashboards or rules: a regular one, for
// others may never end, and of a size that somebody has written. Its errors leave
// it to the caller to name the file.
func ReadFile(name string) ([]byte, error) {
	info, err := os.Stat(name)
	if err != nil {
		return nil, nameless(err)
	}
	if !info.Mode().IsRegular() {
		return nil, errors.New("it is no regular file")
	}
	if info.Size() > document.MaxBytes {
		return nil, fmt.Errorf("is %d MB large; a dashboard may have %d MB", info.Size()>>20, document.MaxBytes>>20)
	}
	data, err := os.ReadFile(name)
	return data, nameless(err)
}

func nameless(err error) error {
	var named *fs.PathError
	if errors.As(err, &named) {
		return named.Err
	}
	return err
}
