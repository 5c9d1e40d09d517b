package library

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/google/go-jsonnet"

	"github.com/diorama-lab/diorama/internal/dashboard/document"
)

// Limits of one jsonnet evaluation.
const (
	jsonnetTimeout = 20 * time.Second
	jsonnetStack   = 500
	jsonnetMemory  = 1 << 30
)

// JsonnetJob is one file to evaluate.
type JsonnetJob struct {
	File string `json:"file"`
	// Paths are the folders that imports are looked for in, after the
	// importing file's own; Roots those that they must not leave.
	Paths []string `json:"paths"`
	Roots []string `json:"roots"`
	// Memory is how many bytes the evaluation may take.
	Memory uint64 `json:"memory"`
}

// JsonnetResult is what an evaluation gave.
type JsonnetResult struct {
	JSON json.RawMessage `json:"json,omitempty"`
	// Imports are the files that it read.
	Imports []string            `json:"imports"`
	Error   *document.FileError `json:"error,omitempty"`
}

// Evaluator evaluates a file.
type Evaluator func(ctx context.Context, job JsonnetJob) (JsonnetResult, error)

// dashboardsOnly reduces a mixin to its dashboards, rules and alerts: its other
// parts may be functions, which are no JSON. A plain dashboard stays as it is.
const dashboardsOnly = `local m = import %s;
local part(name) = if std.objectHasAll(m, name) then { [name]: m[name] } else {};
local parts = part('grafanaDashboards') + part('prometheusRules') + part('prometheusAlerts');
if std.isObject(m) && parts != {} then parts else m`

// EvaluateHere evaluates in this process. Nothing can end an evaluation from
// outside, so this is for a process that may be killed: see Command.
func EvaluateHere(job JsonnetJob) JsonnetResult {
	importer := &confined{job: job, cache: map[string]jsonnet.Contents{}}
	vm := jsonnet.MakeVM()
	vm.MaxStack = jsonnetStack
	vm.Importer(importer)
	wrong := &document.FileError{File: job.File}
	vm.ErrorFormatter = &explainer{vm.ErrorFormatter, wrong}
	text, err := vm.EvaluateAnonymousSnippet("<diorama>", fmt.Sprintf(dashboardsOnly, strconv.Quote(job.File)))
	result := JsonnetResult{Imports: slices.Sorted(maps.Keys(importer.cache))}
	if err != nil {
		result.Error = wrong
		return result
	}
	result.JSON = json.RawMessage(text)
	return result
}

// explainer is the error formatter that keeps where in the user's files an
// error is.
type explainer struct {
	jsonnet.ErrorFormatter
	wrong *document.FileError
}

// An error in an imported file's syntax is given as FILE:LINE:COLUMN-END TEXT,
// or with both places in parentheses.
var syntaxError = regexp.MustCompile(`^(.+?):\(?(\d+):(\d+)\)?(?:-[\d:()]+)? (.*)`)

// Format implements jsonnet.ErrorFormatter.
func (e *explainer) Format(err error) string {
	var failed jsonnet.RuntimeError
	if !errors.As(err, &failed) {
		e.wrong.Message = err.Error()
		return e.wrong.Message
	}
	e.wrong.Message, _, _ = strings.Cut(failed.Msg, "\n")
	if place := syntaxError.FindStringSubmatch(e.wrong.Message); place != nil {
		e.wrong.File, e.wrong.Message = place[1], place[4]
		e.wrong.Line, _ = strconv.Atoi(place[2])
		e.wrong.Column, _ = strconv.Atoi(place[3])
		return e.wrong.Message
	}
	for _, frame := range slices.Backward(failed.StackTrace) {
		if filepath.IsAbs(frame.Loc.FileName) { // not the standard library
			e.wrong.File, e.wrong.Line, e.wrong.Column = frame.Loc.FileName, frame.Loc.Begin.Line, frame.Loc.Begin.Column
			break
		}
	}
	return e.wrong.Message
}

// confined imports files from the folders of a job and refuses all others.
type confined struct {
	job   JsonnetJob
	cache map[string]jsonnet.Contents
}

// Import implements jsonnet.Importer.
func (c *confined) Import(importedFrom, importedPath string) (jsonnet.Contents, string, error) {
	candidates := []string{importedPath}
	if !filepath.IsAbs(importedPath) {
		candidates = []string{filepath.Join(filepath.Dir(importedFrom), importedPath)}
		for _, folder := range slices.Backward(c.job.Paths) {
			candidates = append(candidates, filepath.Join(folder, importedPath))
		}
	}
	for _, candidate := range candidates {
		if contents, known := c.cache[candidate]; known {
			return contents, candidate, nil
		}
		if _, err := os.Stat(candidate); err != nil {
			continue
		}
		if !c.allowed(candidate) {
			return jsonnet.Contents{}, "", fmt.Errorf("import %q leaves the folders that imports may come from (%s)",
				importedPath, strings.Join(c.job.Roots, ", "))
		}
		data, err := ReadFile(candidate)
		if err != nil {
			return jsonnet.Contents{}, "", fmt.Errorf("import %q: %w", importedPath, err)
		}
		contents := jsonnet.MakeContentsRaw(data)
		c.cache[candidate] = contents
		return contents, candidate, nil
	}
	return jsonnet.Contents{}, "", fmt.Errorf(
		"import %q: there is no such file, neither next to the importing file nor in %s",
		importedPath, strings.Join(c.job.Paths, ", "))
}

// allowed tells whether a file, links followed, lies in one of the roots.
func (c *confined) allowed(name string) bool {
	target, err := filepath.EvalSymlinks(name)
	if err != nil {
		return false
	}
	for _, root := range c.job.Roots {
		if resolved, err := filepath.EvalSymlinks(root); err == nil {
			root = resolved
		}
		if relative, err := filepath.Rel(root, target); err == nil && filepath.IsLocal(relative) {
			return true
		}
	}
	return false
}

// ServeJob reads a job from data and writes its result: what the child of
// Command does. It ends the process when the evaluation takes too much memory.
func ServeJob(data []byte) ([]byte, error) {
	var job JsonnetJob
	if err := json.Unmarshal(data, &job); err != nil {
		return nil, fmt.Errorf("reading the job: %w", err)
	}
	done := make(chan JsonnetResult, 1)
	go func() { done <- EvaluateHere(job) }()
	watch := time.NewTicker(50 * time.Millisecond)
	defer watch.Stop()
	for {
		select {
		case result := <-done:
			return json.Marshal(result)
		case <-watch.C:
			var stats runtime.MemStats
			runtime.ReadMemStats(&stats)
			if stats.HeapAlloc > job.Memory {
				wrong := document.FileErrorf(job.File, "the evaluation takes more than %d MB", job.Memory>>20)
				return json.Marshal(JsonnetResult{Error: wrong})
			}
		}
	}
}

// Command returns an evaluator that runs a program which calls ServeJob, and
// kills it when it takes too long.
func Command(name string, args ...string) Evaluator {
	return func(ctx context.Context, job JsonnetJob) (JsonnetResult, error) {
		return evaluateIn(ctx, job, jsonnetTimeout, name, args...)
	}
}

func evaluateIn(
	ctx context.Context, job JsonnetJob, patience time.Duration, name string, args ...string,
) (JsonnetResult, error) {
	bounded, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	input, err := json.Marshal(job)
	if err != nil {
		return JsonnetResult{}, fmt.Errorf("encoding the job: %w", err)
	}
	cmd := exec.CommandContext(bounded, name, args...)
	var stdout, stderr bytes.Buffer
	cmd.Stdin, cmd.Stdout, cmd.Stderr = bytes.NewReader(input), &stdout, &stderr
	if err := cmd.Run(); err != nil {
		switch {
		case ctx.Err() != nil:
			return JsonnetResult{}, ctx.Err()
		case bounded.Err() != nil:
			return JsonnetResult{Error: document.FileErrorf(job.File, "the evaluation took longer than %s", patience)}, nil
		}
		return JsonnetResult{}, fmt.Errorf("evaluating jsonnet: %w: %s", err, bytes.TrimSpace(stderr.Bytes()))
	}
	var result JsonnetResult
	if err := json.Unmarshal(stdout.Bytes(), &result); err != nil {
		return result, fmt.Errorf("evaluating jsonnet: %w", err)
	}
	return result, nil
}

// evaluated is the JSON that a file yields.
func (l *Library) evaluated(ctx context.Context, name, full string, into *file) ([]byte, error) {
	if l.Evaluate == nil {
		return nil, errors.New("jsonnet is not evaluated here")
	}
	job, err := l.job(full)
	if err != nil {
		return nil, err
	}
	result, err := l.Evaluate(ctx, job)
	if err != nil {
		return nil, err
	}
	for _, imported := range result.Imports {
		into.stamps[imported] = stampOf(imported)
	}
	if wrong := result.Error; wrong != nil {
		if relative, err := filepath.Rel(job.Roots[0], wrong.File); err == nil && filepath.IsLocal(relative) {
			wrong.File = filepath.ToSlash(relative)
		}
		return nil, wrong
	}
	return result.JSON, nil
}

// job names the folders of a file: its own, the library's, and every vendor
// folder between them.
func (l *Library) job(full string) (JsonnetJob, error) {
	full, err := filepath.Abs(full)
	if err != nil {
		return JsonnetJob{}, err
	}
	root, err := filepath.Abs(l.Dir)
	if err != nil {
		return JsonnetJob{}, err
	}
	job := JsonnetJob{File: full, Roots: []string{root}, Memory: jsonnetMemory}
	for folder := filepath.Dir(full); ; folder = filepath.Dir(folder) {
		job.Paths = append([]string{filepath.Join(folder, "vendor")}, job.Paths...)
		if folder == root || folder == filepath.Dir(folder) {
			break
		}
	}
	for _, further := range l.Paths {
		if further, err = filepath.Abs(further); err != nil {
			return job, err
		}
		job.Paths, job.Roots = append(job.Paths, further), append(job.Roots, further)
	}
	return job, nil
}
