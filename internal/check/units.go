package check

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/prometheus/prometheus/promql/parser"

	"github.com/diorama-lab/diorama/internal/dashboard/document"
	"github.com/diorama-lab/diorama/internal/dashboard/engine"
)

// unit is a product of base units with their powers. A nil one is not known;
// an empty one has no dimension.
type unit map[string]int

func (u unit) times(other unit, sign int) unit {
	if u == nil || other == nil {
		return nil
	}
	product := maps.Clone(u)
	for name, power := range other {
		if product[name] += sign * power; product[name] == 0 {
			delete(product, name)
		}
	}
	return product
}

func (u unit) String() string {
	var over, under []string
	for _, name := range slices.Sorted(maps.Keys(u)) {
		if u[name] > 0 {
			over = append(over, name)
		} else {
			under = append(under, name)
		}
	}
	switch {
	case len(over)+len(under) == 0:
		return "a ratio"
	case len(under) == 0:
		return strings.Join(over, "·")
	}
	return strings.Join(over, "·") + " per " + strings.Join(under, "·")
}

// panelUnits are Grafana's units that say what is measured and in which
// multiple.
func panelUnits() map[string]unit {
	return map[string]unit{
		"bytes": {"bytes": 1}, "decbytes": {"bytes": 1},
		"Bps": {"bytes": 1, "seconds": -1}, "binBps": {"bytes": 1, "seconds": -1},
		"s": {"seconds": 1}, "dtdurations": {"seconds": 1}, "dthms": {"seconds": 1}, "clocks": {"seconds": 1},
		"ms": {"milliseconds": 1}, "dtdurationms": {"milliseconds": 1}, "µs": {"microseconds": 1}, "ns": {"nanoseconds": 1},
		"bits": {"bits": 1}, "decbits": {"bits": 1}, "bps": {"bits": 1, "seconds": -1}, "binbps": {"bits": 1, "seconds": -1},
		"percentunit": {}, "percent": {"percent": 1}, "celsius": {"celsius": 1}, "hertz": {"hertz": 1},
	}
}

// unit says that a panel shows a query's values in another unit than they have.
func (n noter) unit(panel document.Panel) []Note {
	name := panel.Unit()
	shown, known := panelUnits()[name]
	has := n.c.unitOf(n.expr)
	if !known || has == nil || maps.Equal(shown, has) {
		return nil
	}
	text := fmt.Sprintf("the panel's unit is %s, and the query gives %s", name, has)
	if name == "percent" && len(has) == 0 {
		text += ": percentunit is for values from 0 to 1"
	}
	return []Note{{NoteUnit, text}}
}

// unitOf follows units through a query.
func (c *checker) unitOf(expr parser.Expr) unit {
	switch e := expr.(type) {
	case *parser.VectorSelector:
		return c.unitOfMetric(metricOf(e))
	case *parser.MatrixSelector:
		return c.unitOf(e.VectorSelector)
	case *parser.SubqueryExpr:
		return c.unitOf(e.Expr)
	case *parser.ParenExpr:
		return c.unitOf(e.Expr)
	case *parser.UnaryExpr:
		return c.unitOf(e.Expr)
	case *parser.AggregateExpr:
		switch e.Op {
		case parser.SUM, parser.AVG, parser.MIN, parser.MAX, parser.TOPK, parser.BOTTOMK, parser.QUANTILE, parser.STDDEV:
			return c.unitOf(e.Expr)
		}
	case *parser.Call:
		return c.unitOfCall(e)
	case *parser.BinaryExpr:
		return c.unitOfBinary(e)
	}
	return nil
}

func (c *checker) unitOfCall(e *parser.Call) unit {
	switch e.Func.Name {
	case "rate", "irate", "deriv":
		return c.unitOf(e.Args[0]).times(unit{"seconds": 1}, -1)
	case "time", "timestamp":
		return unit{"seconds": 1}
	case "histogram_quantile":
		if selectors := engine.Selectors(e.Args[1]); len(selectors) == 1 {
			return c.unitOf(selectors[0])
		}
	case "increase", "delta", "idelta", "abs", "ceil", "floor", "round", "clamp", "clamp_min", "clamp_max", "sort",
		"sort_desc",
		"label_replace", "label_join", "avg_over_time", "min_over_time", "max_over_time", "sum_over_time", "last_over_time",
		"stddev_over_time", "predict_linear", "scalar", "vector":
		return c.unitOf(e.Args[0])
	case "quantile_over_time":
		return c.unitOf(e.Args[1])
	}
	return nil
}

func (c *checker) unitOfBinary(e *parser.BinaryExpr) unit {
	left, right := c.unitOf(e.LHS), c.unitOf(e.RHS)
	switch {
	case e.ReturnBool:
		return nil
	case e.Op == parser.MUL || e.Op == parser.DIV:
		if n, ok := number(e.RHS); ok {
			return scaled(left, e.Op, n)
		}
		if n, ok := number(e.LHS); ok && e.Op == parser.MUL {
			return scaled(right, e.Op, n)
		}
		if e.Op == parser.MUL {
			return left.times(right, 1)
		}
		return left.times(right, -1)
	case e.Op == parser.POW || e.Op == parser.MOD || e.Op == parser.ATAN2:
		return nil
	case left == nil && e.Op != parser.LAND && e.Op != parser.LUNLESS:
		return right
	}
	return left
}

func number(expr parser.Expr) (float64, bool) {
	for {
		switch e := expr.(type) {
		case *parser.ParenExpr:
			expr = e.Expr
		case *parser.NumberLiteral:
			return e.Val, true
		default:
			return 0, false
		}
	}
}

// scaled is a unit whose values are multiplied or divided by a number.
func scaled(u unit, op parser.ItemType, by float64) unit {
	switch {
	case u == nil:
		return nil
	case by == 1:
		return u
	case op == parser.MUL && by == 100 && len(u) == 0:
		return unit{"percent": 1}
	case op == parser.MUL && by == 8 && u["bytes"] == 1:
		return u.times(unit{"bytes": 1}, -1).times(unit{"bits": 1}, 1)
	case op == parser.MUL && by == 1000 && maps.Equal(u, unit{"seconds": 1}):
		return unit{"milliseconds": 1}
	}
	return nil
}

// unitOfMetric is what the name of a metric ends in, or what its metadata says.
func (c *checker) unitOfMetric(name string) unit {
	for _, ending := range []string{"_bucket", "_sum", "_count", "_total"} {
		if plain, cut := strings.CutSuffix(name, ending); cut {
			if ending == "_count" {
				return nil
			}
			name = plain
		}
	}
	for _, base := range []string{"seconds", "bytes", "celsius", "hertz"} {
		if strings.HasSuffix(name, "_"+base) {
			return unit{base: 1}
		}
	}
	if strings.HasSuffix(name, "_ratio") {
		return unit{}
	}
	return nil
}
