package helm

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/Masterminds/semver/v3"
	"sigs.k8s.io/yaml"

	"github.com/diorama-lab/diorama/internal/atomicfile"
	"github.com/diorama-lab/diorama/internal/spelling"
)

const (
	// The index of a large repository has some megabytes, a chart some kilobytes.
	maxIndex = 64 << 20
	maxChart = 64 << 20
	// fetchLimit bounds each of the two requests.
	fetchLimit = 2 * time.Minute
	// shownVersions are how many an error names of those that there are.
	shownVersions = 5
)

// client is not redirected from an encrypted address to one that is not.
// It takes the proxies of the environment, as every client of net/http does.
var client = &http.Client{CheckRedirect: func(to *http.Request, via []*http.Request) error {
	if len(via) > 0 && via[0].URL.Scheme == "https" && to.URL.Scheme != "https" {
		return fmt.Errorf("it redirects to %s, which is not encrypted", to.URL.Redacted())
	}
	if len(via) >= 10 {
		return errors.New("it redirects on and on")
	}
	return nil
}}

// Source says where a chart is.
type Source struct {
	// Repository is the http(s) URL of a Helm repository.
	Repository, Name, Version string
	// Digest is the chart's SHA-256 in hexadecimal notation. Without it, what
	// the repository's index says is believed.
	Digest string
}

// chart is the chart's name and version.
func (s Source) chart() string { return s.Name + " " + s.Version }

// entry is a version of a chart in a repository's index.
// https://helm.sh/docs/topics/chart_repository/#the-index-file
type entry struct {
	Version string   `json:"version"`
	URLs    []string `json:"urls"`
	Digest  string   `json:"digest"`
}

// Fetch makes a chart be in the folder dir and returns its path. One that is
// there with the digest that is asked for is taken without the repository.
//
// It does without Helm's own downloader, whose package links clients of OCI
// registries into every process.
func Fetch(ctx context.Context, source Source, dir string) (string, error) {
	if source.Digest != "" {
		path := chartFile(dir, source, source.Digest)
		if sum, err := digestOf(path); err == nil && sum == source.Digest {
			return path, nil
		}
	}
	found, err := find(ctx, source)
	if err != nil {
		return "", err
	}
	digest := strings.TrimPrefix(found.Digest, "sha256:")
	if source.Digest != "" && digest != "" && digest != source.Digest {
		return "", fmt.Errorf("the chart %s of %s has the digest %s, not %s as chart.digest says: "+
			"it has changed, or another one was meant", source.chart(), source.Repository, digest, source.Digest)
	}
	if source.Digest != "" {
		digest = source.Digest
	}
	if digest == "" {
		return "", fmt.Errorf("the Helm repository %s has no digest of the chart %s: set chart.digest",
			source.Repository, source.chart())
	}
	path := chartFile(dir, source, digest)
	if sum, err := digestOf(path); err == nil && sum == digest {
		return path, nil
	}
	return path, download(ctx, source, found, digest, path)
}

// chartFile is where a chart of a digest is kept. Two repositories may have
// charts of one name and version.
func chartFile(dir string, source Source, digest string) string {
	name, version := filepath.Base(source.Name), filepath.Base(source.Version)
	return filepath.Join(dir, fmt.Sprintf("%s-%s-%.12s.tgz", name, version, digest))
}

func digestOf(path string) (string, error) {
	file, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer file.Close()
	sum := sha256.New()
	if _, err := io.Copy(sum, file); err != nil {
		return "", err
	}
	return hex.EncodeToString(sum.Sum(nil)), nil
}

// get asks for a URL; the body is at most limit bytes.
func get(ctx context.Context, address string, limit int64, read func(io.Reader) error) error {
	ctx, cancel := context.WithTimeout(ctx, fetchLimit)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, address, http.NoBody)
	if err != nil {
		return err
	}
	response, err := client.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("%s answers %s", address, response.Status)
	}
	bounded := &io.LimitedReader{R: response.Body, N: limit + 1}
	if err := read(bounded); err != nil {
		return err
	}
	if bounded.N == 0 {
		return fmt.Errorf("%s is larger than %d MB", address, limit>>20)
	}
	return nil
}

// find looks a chart up in its repository's index.
func find(ctx context.Context, source Source) (entry, error) {
	address, err := resolve(source.Repository, "index.yaml")
	if err != nil {
		return entry{}, fmt.Errorf("the Helm repository %s: %w", source.Repository, err)
	}
	var text []byte
	err = get(ctx, address, maxIndex, func(body io.Reader) (err error) {
		text, err = io.ReadAll(body)
		return err
	})
	if err != nil {
		return entry{}, fmt.Errorf("reading the Helm repository %s "+
			"(without a network, give the chart itself as chart.path): %w", source.Repository, err)
	}
	var index struct {
		Entries map[string][]entry `json:"entries"`
	}
	if err := yaml.Unmarshal(text, &index); err != nil || len(index.Entries) == 0 {
		none := fmt.Errorf("%s is no Helm repository: its index.yaml has no charts", source.Repository)
		return entry{}, errors.Join(none, err)
	}
	versions, ok := index.Entries[source.Name]
	if !ok {
		return entry{}, fmt.Errorf("the Helm repository %s has no chart %s; nearest is %s",
			source.Repository, source.Name, nearest(source.Name, index.Entries))
	}
	for _, e := range versions {
		if e.Version == source.Version {
			return e, nil
		}
	}
	return entry{}, fmt.Errorf("the chart %s of %s has no version %s; newest are %s",
		source.Name, source.Repository, source.Version, strings.Join(newest(versions), ", "))
}

func nearest(name string, entries map[string][]entry) string {
	best := ""
	for candidate := range entries {
		if best == "" || spelling.Distance(name, candidate) < spelling.Distance(name, best) {
			best = candidate
		}
	}
	return best
}

// newest lists the highest versions, highest first.
func newest(entries []entry) []string {
	var versions []*semver.Version
	for _, e := range entries {
		if v, err := semver.NewVersion(e.Version); err == nil {
			versions = append(versions, v)
		}
	}
	slices.SortFunc(versions, func(a, b *semver.Version) int { return b.Compare(a) })
	var names []string
	for _, v := range versions[:min(shownVersions, len(versions))] {
		names = append(names, v.Original())
	}
	return names
}

// download writes a chart to a path, if it has the digest.
func download(ctx context.Context, source Source, found entry, digest, path string) error {
	if len(found.URLs) == 0 {
		return fmt.Errorf("the Helm repository %s does not say where the chart %s is", source.Repository, source.chart())
	}
	address, err := resolve(source.Repository, found.URLs[0])
	if err != nil {
		return fmt.Errorf("the address of the chart %s: %w", source.chart(), err)
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return fmt.Errorf("making the folder for charts: %w", err)
	}
	err = atomicfile.WriteFrom(path, 0o600, func(file io.Writer) error {
		sum := sha256.New()
		err := get(ctx, address, maxChart, func(body io.Reader) error {
			_, err := io.Copy(io.MultiWriter(file, sum), body)
			return err
		})
		if got := hex.EncodeToString(sum.Sum(nil)); err == nil && got != digest {
			err = fmt.Errorf("%s has the digest %s, not %s: nothing of it is kept", address, got, digest)
		}
		return err
	})
	if err != nil {
		return fmt.Errorf("fetching the chart %s: %w", source.chart(), err)
	}
	return nil
}

// resolve makes an address of an index absolute; it may be relative to the
// repository.
func resolve(repository, address string) (string, error) {
	base, err := url.Parse(strings.TrimSuffix(repository, "/") + "/")
	if err != nil {
		return "", err
	}
	to, err := base.Parse(address)
	if err != nil {
		return "", err
	}
	if to.Scheme != "http" && to.Scheme != "https" {
		return "", fmt.Errorf("%s is no http(s) address: fetch the chart with `helm pull`, and give it as chart.path", to)
	}
	if base.Scheme == "https" && to.Scheme == "http" {
		return "", fmt.Errorf("%s is not encrypted, but its repository is", to)
	}
	return to.String(), nil
}
