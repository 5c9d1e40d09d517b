package engine

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/diorama-lab/diorama/internal/dashboard/document"
)

// Values of the wrong kind are refused where they would hide what is to be asked,
// and else taken for absent ones.
func TestWrongKinds(t *testing.T) {
	e := newEngine(t)
	for _, text := range []string{
		`{"title":"x","panels":5}`, `{"title":"x","panels":[1,null,"x",[]]}`, `{"title":"x","templating":[]}`,
		`{"title":"x","templating":{"list":[null,{"name":3},{"name":"v","type":"query","query":7}]}}`,
		`{"title":"x","panels":[{"type":7,"targets":{"a":1},"gridPos":"x","fieldConfig":[],"options":"o","links":{},` +
			`"repeat":[]}]}`,
		`{"title":["x"],"tags":"one","panels":[{"type":"row","panels":7},{"type":"graph","yaxes":7,"seriesOverrides":"x",` +
			`"legend":[]},{"type":"singlestat","gauge":1,"thresholds":[1],"valueMaps":{}},{"type":"table-old","styles":[7],` +
			`"columns":{}}]}`,
		`{"title":"x","annotations":{"list":[7,{"target":7,"filter":[],"expr":{}}]},"__elements":7,
			"panels":[{"type":"table","options":{"footer":7}},
			{"type":"table","options":{"footer":{"show":true,"reducer":["sum",7],"fields":7}},"fieldConfig":7},
			{"libraryPanel":7},{"libraryPanel":{"uid":7,"model":[]}}]}`,
		`{"title":"x","rows":[1,{"panels":[null]},{"height":"x","panels":[{"span":"x"}]}]}`,
		`{"title":"x","tags":7,"panels":[{"type":7,"gridPos":"x","fieldConfig":[],"options":"o","links":{},"repeat":[]},` +
			`{"type":"graph","yaxes":7,"seriesOverrides":"x","legend":[]},{"type":"singlestat","gauge":1,` +
			`"thresholds":[1],"valueMaps":{}},{"type":"table-old","styles":[7],"columns":{}},` +
			`{"type":"table","options":{"footer":7}},{"libraryPanel":7},{"libraryPanel":{"uid":7,"model":[]}}]}`,
		`{"title":"x","annotations":{"list":[{"target":7,"filter":[],"expr":{}}]},"__elements":7}`,
		`{"elements":{"a":7},"layout":{"kind":"RowsLayout","spec":{"rows":[7,{"spec":7}]}},"variables":[7,` +
			`{"kind":"QueryVariable"}]}`,
	} {
		d, err := document.Parse("test.json", []byte(text))
		if err != nil {
			if !strings.Contains(err.Error(), ", and has to be ") {
				t.Errorf("%s: %v", text, err)
			}
			continue
		}
		e.Variables(t.Context(), d, Request{Range: shown})
		e.View(t.Context(), d, Request{Range: shown})
		if _, err := e.Annotations(t.Context(), d, Request{Range: shown}, nil); err != nil {
			t.Errorf("%s: %v", text, err)
		}
		for _, p := range d.Panels() {
			if _, err := e.Run(t.Context(), d, p, Request{Range: shown}); err != nil {
				t.Errorf("%s: %v", text, err)
			}
		}
	}
}

func FuzzParse(f *testing.F) {
	files, err := filepath.Glob("../document/testdata/old/*.json")
	if err != nil {
		f.Fatal(err)
	}
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	e := &Engine{ScrapeInterval: every}
	f.Fuzz(func(t *testing.T, data []byte) {
		d, err := document.Parse("fuzz.json", data)
		if err != nil {
			return
		}
		d.JSON["templating"] = nil // its queries would be asked
		e.View(t.Context(), d, Request{Range: shown})
	})
}
