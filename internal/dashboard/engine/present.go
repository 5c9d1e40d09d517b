package engine

import "github.com/diorama-lab/diorama/internal/dashboard/document"

// present fills in the texts of a panel and says whether it can be queried.
func (e *Engine) present(panel document.Object, scope Scope) {
	vars := map[string]Value{}
	scoped := panel.Object("scopedVars")
	for name := range scoped {
		option := scoped.Object(name)
		vars[name] = Value{Texts: []string{option.Text("text")}, Values: []string{option.Text("value")}}
	}
	scope = scope.with(vars)
	for _, key := range []string{"title", "description"} {
		if text := panel.Text(key); text != "" {
			panel[key] = scope.expand(text, formatText)
		}
	}
	fillTimes(panel, scope)
	if options := panel.Object("options"); options.Text("content") != "" {
		options["content"] = scope.expand(options.Text("content"), formatText)
	}
	if links, there := panel["links"]; there {
		panel["links"] = expandTexts(links, scope)
	}
	if config, there := panel["fieldConfig"]; there {
		panel["fieldConfig"] = expandTexts(config, scope)
	}
	for _, inner := range panel.Objects("panels") {
		e.present(inner, scope)
	}
	if panel.Text("type") == "row" {
		return
	}
	e.judge(panel, scope)
}

// judge notes whether anything of a panel can be run, or why not.
func (e *Engine) judge(panel document.Object, scope Scope) {
	var reason string
	for _, target := range (document.Panel{JSON: panel}).Asked() {
		run := targetRun{engine: e, panel: document.Panel{JSON: panel}, target: target, scope: scope}
		err := run.runnable()
		if err == nil {
			panel["queryable"] = true
			return
		}
		reason = err.Error()
	}
	if reason != "" {
		panel["unsupported"] = reason
	}
}

// expandTexts fills in all texts of a JSON value. Links name variables of the
// page (${__data.fields…}): those are not known here, and stay.
func expandTexts(v any, scope Scope) any {
	switch v := v.(type) {
	case string:
		return scope.expand(v, formatGlob)
	case map[string]any:
		for key, value := range v {
			v[key] = expandTexts(value, scope)
		}
	case []any:
		for i, value := range v {
			v[i] = expandTexts(value, scope)
		}
	}
	return v
}
