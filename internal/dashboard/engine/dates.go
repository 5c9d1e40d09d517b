package engine

import (
	"fmt"
	"math"
	"regexp"
	"strconv"
	"strings"
	"time"
)

var (
	leadingNumber = regexp.MustCompile(`^\s*([+-]?\d+)`)
	// dateTokens are what moment.js replaces in a format, longest first, and
	// what is quoted.
	dateTokens = regexp.MustCompile(`\[[^\[]*\]|YYYY|YY|MMMM|MMM|MM|M|DDDD|DDD|DD|Do|D|dddd|ddd|dd|d|E|e|` +
		`gggg|GGGG|ww|w|WW|W|Q|HH|H|hh|h|kk|k|mm|m|ss|s|SSS|SS|S|ZZ|Z|A|a|X|x`)
	dateShorthands = regexp.MustCompile(`\[[^\[]*\]|LTS|LT|LLLL|LLL|LL|L`)
)

// formatDate writes a time that is given as Unix milliseconds, in the zone of
// the value; ISO 8601 is in UTC.
func formatDate(args []string, v Value) string {
	value := strings.Join(v.Values, "")
	ms, err := strconv.ParseInt(strings.TrimSpace(leadingNumber.FindString(value)), 10, 64)
	if v.List || err != nil {
		return "NaN"
	}
	zone := v.Zone
	if zone == nil {
		zone = time.UTC
	}
	t := time.UnixMilli(ms).In(zone)
	switch format := strings.Join(args, ":"); format {
	case "", "iso":
		return t.UTC().Format("2006-01-02T15:04:05.000Z")
	case "ms":
		return value
	case "seconds":
		return strconv.FormatInt(int64(math.Round(float64(ms)/1000)), 10)
	default:
		return formatMoment(format, t)
	}
}

// formatMoment writes a time in a format of moment.js, in English.
func formatMoment(format string, t time.Time) string {
	format = dateShorthands.ReplaceAllStringFunc(format, func(short string) string {
		long, ok := map[string]string{
			"LT": "h:mm A", "LTS": "h:mm:ss A", "L": "MM/DD/YYYY", "LL": "MMMM D, YYYY",
			"LLL": "MMMM D, YYYY h:mm A", "LLLL": "dddd, MMMM D, YYYY h:mm A",
		}[short]
		if !ok { // quoted
			return short
		}
		return long
	})
	return dateTokens.ReplaceAllStringFunc(format, func(token string) string {
		if token[0] == '[' {
			return token[1 : len(token)-1]
		}
		if layout, ok := dateLayout(token); ok {
			return t.Format(layout)
		}
		return dateNumber(token, t)
	})
}

// dateLayout is the layout that Go has for a token.
func dateLayout(token string) (layout string, ok bool) {
	layout, ok = map[string]string{
		"YYYY": "2006", "YY": "06", "MMMM": "January", "MMM": "Jan", "MM": "01", "M": "1",
		"DDDD": "002", "DD": "02", "D": "2", "dddd": "Monday", "ddd": "Mon",
		"HH": "15", "hh": "03", "h": "3", "mm": "04", "m": "4", "ss": "05", "s": "5",
		"ZZ": "-0700", "Z": "-07:00", "A": "PM", "a": "pm",
	}[token]
	return layout, ok
}

// dateNumber writes a token that Go has no layout for.
func dateNumber(token string, t time.Time) string {
	isoYear, isoWeek := t.ISOWeek()
	// Weeks of the United States begin on Sunday, the first is that of the 1st
	// of January.
	saturday := t.AddDate(0, 0, int(time.Saturday-t.Weekday()))
	week, ms := (saturday.YearDay()-1)/7+1, t.Nanosecond()/int(time.Millisecond)
	switch token {
	case "Do":
		return strconv.Itoa(t.Day()) + ordinal(t.Day())
	case "dd":
		return t.Weekday().String()[:2]
	case "ww", "WW":
		return fmt.Sprintf("%02d", map[string]int{"ww": week, "WW": isoWeek}[token])
	case "kk":
		return fmt.Sprintf("%02d", hourFromOne(t))
	case "SSS":
		return fmt.Sprintf("%03d", ms)
	case "SS":
		return fmt.Sprintf("%02d", ms/10)
	case "X":
		return strconv.FormatInt(t.Unix(), 10)
	case "x":
		return strconv.FormatInt(t.UnixMilli(), 10)
	}
	return strconv.Itoa(map[string]int{
		"DDD": t.YearDay(), "d": int(t.Weekday()), "e": int(t.Weekday()), "E": (int(t.Weekday())+6)%7 + 1,
		"w": week, "W": isoWeek, "gggg": saturday.Year(), "GGGG": isoYear, "Q": (int(t.Month())-1)/3 + 1,
		"H": t.Hour(), "k": hourFromOne(t), "S": ms / 100,
	}[token])
}

// hourFromOne counts midnight as 24.
func hourFromOne(t time.Time) int { return (t.Hour()+23)%24 + 1 }

func ordinal(n int) string {
	if n/10 == 1 {
		return "th"
	}
	switch n % 10 {
	case 1:
		return "st"
	case 2:
		return "nd"
	case 3:
		return "rd"
	}
	return "th"
}
