package engine

import (
	"encoding/json"
	"fmt"
	"regexp"
	"strings"

	"github.com/diorama-lab/diorama/internal/dashboard/document"
)

var (
	customItem = regexp.MustCompile(`(?:\\,|[^,])+`)
	customPair = regexp.MustCompile(`^\s*(.+)\s:\s(.+)$`)
)

// customOptions reads "a, b, Text : value"; a comma of a value has a
// backslash. A value may be empty. The rules are those of CustomVariable in
// Grafana's scenes. The other format is a JSON list of texts or of {text, value}.
func customOptions(query, format string) ([]Option, error) {
	if format == "json" {
		return jsonOptions(query)
	}
	var options []Option
	for _, item := range customItem.FindAllString(query, -1) {
		item = strings.ReplaceAll(item, `\,`, ",")
		// Before the item is trimmed: in "None : " the value is empty.
		if pair := customPair.FindStringSubmatch(item); pair != nil {
			options = append(options, Option{strings.TrimSpace(pair[1]), strings.TrimSpace(pair[2])})
			continue
		}
		item = strings.TrimSpace(item)
		options = append(options, Option{item, item})
	}
	return options, nil
}

func jsonOptions(query string) ([]Option, error) {
	var list []any
	if err := json.Unmarshal([]byte(query), &list); err != nil {
		return nil, fmt.Errorf("the values are no JSON list: %w", err)
	}
	var options []Option
	for _, value := range list {
		item := document.Object{"item": value}
		if object := item.Object("item"); object != nil {
			text := object.Text("text")
			if text == "" {
				text = object.Text("value")
			}
			options = append(options, Option{text, object.Text("value")})
		} else if texts := item.Texts("item"); len(texts) == 1 {
			options = append(options, Option{texts[0], texts[0]})
		}
	}
	return options, nil
}

var quoted = regexp.MustCompile(`"[^"]*"|'[^']*'|[^,]+`)

func intervalOptions(v document.Variable) []Option {
	var options []Option
	if v.JSON.Flag("auto") {
		options = append(options, Option{"auto", autoValue})
	}
	for _, item := range quoted.FindAllString(v.Query(), -1) {
		if item = strings.Trim(strings.TrimSpace(item), `"'`); item != "" {
			options = append(options, Option{item, item})
		}
	}
	return options
}

// switchOptions are the values of the two states, which the author may have
// chosen.
func switchOptions(v document.Variable) []Option {
	values := []string{"true", "false"}
	if saved := v.JSON.Objects("options"); len(saved) == 2 {
		values = []string{saved[0].Text("value"), saved[1].Text("value")}
	}
	for i, key := range []string{"enabledValue", "disabledValue"} {
		if value, chosen := v.JSON[key].(string); chosen {
			values[i] = value
		}
	}
	return plainOptions(values)
}

// datasourceOptions is the one data source there is, if the variable is for
// its type and its name fits.
func datasourceOptions(v document.Variable) ([]Option, error) {
	if v.Query() != document.DatasourceType {
		return nil, &NotRunnableError{fmt.Sprintf("there is no data source of type %q here", v.Query())}
	}
	if pattern := v.JSON.Text("regex"); pattern != "" {
		matcher, err := compile(pattern)
		if err != nil {
			return nil, err
		}
		if ok, err := matcher.MatchString(document.DatasourceName); err != nil || !ok {
			return nil, &NotRunnableError{fmt.Sprintf("no data source has a name that matches %s", pattern)}
		}
	}
	return []Option{{document.DatasourceName, document.DatasourceUID}}, nil
}
