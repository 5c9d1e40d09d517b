package document

import (
	"math"
	"slices"
	"strings"
)

// The measures of Grafana's page: of rows, before there was a grid, in pixels
// and twelfths of the width; of the grid in cells.
const (
	defaultRowHeight = 250
	minPanelHeight   = 90
	cellHeight       = 38 // with the gap between two
	defaultSpan      = 4
)

// panelsOfRows lays out the rows that dashboards had before there was a grid, as
// upgradeToGridLayout in Grafana's DashboardMigrator does. Rows have a header
// only if one of them has a title that is shown, can be closed or is repeated.
func panelsOfRows(rows []Object) []Object {
	headers := slices.ContainsFunc(rows, func(row Object) bool {
		return row.Flag("collapse") || row.Flag("showTitle") || row.Text("repeat") != ""
	})
	var panels []Object
	y := 0
	for _, row := range rows {
		if row["repeatIteration"] != nil { // a copy that an old Grafana has saved
			continue
		}
		height := gridHeight(row["height"], defaultRowHeight)
		var header Object
		if headers {
			header = rowHeader(row, y)
			panels = append(panels, header)
			y++
		}
		area := rowArea{y: y, height: height}
		content := row.Objects("panels")
		for _, panel := range content {
			area.place(panel)
		}
		if y = area.y; header.Flag("collapsed") {
			header.SetObjects("panels", content)
			continue
		}
		panels = append(panels, content...)
		y += height
	}
	return panels
}

func rowHeader(row Object, y int) Object {
	header := Object{
		"type": "row", "title": row.Text("title"), "collapsed": row.Flag("collapse"), "panels": []any{},
		"gridPos": GridPos(0, y, GridColumns, 1),
	}
	if repeat := row.Text("repeat"); repeat != "" {
		header["repeat"] = repeat
	}
	return header
}

// gridHeight is a height in pixels, a number or a text such as 250px, in cells.
func gridHeight(value any, otherwise float64) int {
	text, ok := value.(string)
	if ok {
		value = strings.TrimSuffix(text, "px")
	}
	pixels := Object{"height": value}.Number("height")
	if pixels == 0 {
		pixels = otherwise
	}
	return int(math.Ceil(max(pixels, minPanelHeight) / cellHeight))
}

// rowArea is what the panels of a row cover: of each column, down to where.
type rowArea struct {
	y, height int
	covered   [GridColumns]int
}

// place gives a panel the next place in the row, or in a new line of it.
func (a *rowArea) place(panel Object) {
	span := int(panel.NumberOr("span", 0))
	if span <= 0 {
		span = defaultSpan
	}
	width, height := min(2*span, GridColumns), a.height
	if panel.Number("height") != 0 || panel.Text("height") != "" {
		height = gridHeight(panel["height"], defaultRowHeight)
	}
	x, y, ok := a.free(width)
	if !ok {
		a.y += a.height
		a.covered = [GridColumns]int{}
		x, y, _ = a.free(width)
	}
	panel["gridPos"] = GridPos(x, a.y+y, width, height)
	for column := x; column < x+width; column++ {
		a.covered[column] = max(a.covered[column], y+height)
	}
	panel.drop("span")
}

// free is the place for a width at the right end of what is covered, if the
// columns there have room below.
func (a *rowArea) free(width int) (x, y int, ok bool) {
	x = GridColumns
	for column := GridColumns - 1; column >= 0 && a.covered[column] < a.height; column-- {
		if column < GridColumns-1 && a.covered[column] > a.covered[column+1] {
			break
		}
		x = column
	}
	if x > GridColumns-2 || GridColumns-x < width {
		return 0, 0, false
	}
	return x, slices.Max(a.covered[x:]), true
}
