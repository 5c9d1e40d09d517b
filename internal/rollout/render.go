package rollout

import (
	"bytes"
	"encoding/json"
	"fmt"
	"text/template"
)

// Render executes the template of a manifest, in which {{json .}} quotes.
func Render(name, manifest string, view any) (string, error) {
	quote := func(v any) (string, error) {
		data, err := json.Marshal(v)
		return string(data), err
	}
	parsed, err := template.New(name).Funcs(template.FuncMap{"json": quote}).Parse(manifest)
	if err != nil {
		return "", fmt.Errorf("parsing the manifest of %s: %w", name, err)
	}
	var out bytes.Buffer
	if err := parsed.Execute(&out, view); err != nil {
		return "", fmt.Errorf("rendering the manifest of %s: %w", name, err)
	}
	return out.String(), nil
}
