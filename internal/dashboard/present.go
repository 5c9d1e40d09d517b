package dashboard

// present fills in the texts of a panel and says whether it can be queried.
func (e *Engine) present(panel Object, scope Scope) {
	vars := map[string]Value{}
	for name, option := range panel.object("scopedVars") {
		o := asObject(option)
		vars[name] = Value{Texts: []string{o.text("text")}, Values: []string{o.text("value")}}
	}
	scope = scope.with(vars)
	for _, key := range []string{"title", "description"} {
		if text := panel.text(key); text != "" {
			panel[key] = scope.expand(text, formatText)
		}
	}
	fillTimes(panel, scope)
	if options := panel.object("options"); options.text("content") != "" {
		options["content"] = scope.expand(options.text("content"), formatText)
	}
	if links, there := panel["links"]; there {
		panel["links"] = expandTexts(links, scope)
	}
	if config, there := panel["fieldConfig"]; there {
		panel["fieldConfig"] = expandTexts(config, scope)
	}
	for _, inner := range panel.objects("panels") {
		e.present(inner, scope)
	}
	if panel.text("type") == "row" {
		return
	}
	e.judge(panel, scope)
}

// judge notes whether anything of a panel can be run, or why not.
func (e *Engine) judge(panel Object, scope Scope) {
	var reason string
	for _, target := range (Panel{panel}).asked() {
		run := targetRun{engine: e, panel: Panel{panel}, target: target, scope: scope}
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
