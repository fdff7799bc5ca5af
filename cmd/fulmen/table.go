package main

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// isPrint is unicode.IsPrint: letters, marks, numbers, punctuation, symbols, and the plain space.
func isPrint(r rune) bool { return unicode.IsPrint(r) }

// gap separates the columns of a table.
const gap = "  "

// cell is a text with a colour. text/tabwriter would count the colour's bytes and cannot align columns differently,
// which is why table pads by itself.
type cell struct {
	text  string
	style style
}

// table has aligned columns. A column whose title begins with '>' is aligned to the right, as numbers are.
type table struct {
	titles []string
	right  []bool
	rows   [][]cell
}

func newTable(titles ...string) *table {
	t := &table{titles: make([]string, len(titles)), right: make([]bool, len(titles))}
	for i, title := range titles {
		t.titles[i], t.right[i] = strings.CutPrefix(title, ">")
	}
	return t
}

// add appends a row: texts, amounts, numbers or cells. Control characters are replaced.
func (t *table) add(values ...any) {
	if len(values) != len(t.titles) {
		panic(fmt.Sprintf("row of %d cells in a table of %d columns", len(values), len(t.titles)))
	}
	row := make([]cell, len(values))
	for i, v := range values {
		row[i] = newCell(v)
	}
	t.rows = append(t.rows, row)
}

func newCell(v any) cell {
	c, ok := v.(cell)
	if !ok {
		c.text = fmt.Sprint(v)
	}
	c.text = visible(c.text)
	return c
}

// table prints t, or none where t has no rows.
func (p *page) table(t *table, none string) {
	if len(t.rows) == 0 {
		p.line("%s", p.paint(dim, none))
		return
	}
	head := make([]cell, len(t.titles))
	for i, title := range t.titles {
		head[i] = cell{strings.ToUpper(title), bold}
	}
	p.align(append([][]cell{head}, t.rows...), t.right)
}

// align prints rows with columns padded to their widest cell; nothing follows the last text of a line.
func (p *page) align(rows [][]cell, right []bool) {
	widths := make([]int, len(right))
	for _, row := range rows {
		for i, c := range row {
			widths[i] = max(widths[i], utf8.RuneCountInString(c.text))
		}
	}
	for _, row := range rows {
		var b strings.Builder
		for i, c := range row {
			pad := strings.Repeat(" ", widths[i]-utf8.RuneCountInString(c.text))
			text := p.paint(c.style, c.text)
			if i > 0 {
				b.WriteString(gap)
			}
			if right[i] {
				b.WriteString(pad + text)
			} else {
				b.WriteString(text + pad)
			}
		}
		p.line("%s", strings.TrimRight(b.String(), " "))
	}
}

// fact is a line of a list of names and values.
type fact struct {
	name  string
	value any
}

// facts prints names and values in two columns; those without a value are left out.
func (p *page) facts(list ...fact) {
	var rows [][]cell
	for _, f := range list {
		if value := newCell(f.value); value.text != "" {
			rows = append(rows, []cell{{f.name, dim}, value})
		}
	}
	p.align(rows, []bool{false, false})
}

// amounts prints names and amounts in satoshis, the amounts under one another.
func (p *page) amounts(list ...fact) {
	var rows [][]cell
	for _, f := range list {
		value := newCell(f.value)
		value.text += " sat"
		rows = append(rows, []cell{{f.name, dim}, value})
	}
	p.align(rows, []bool{false, true})
}
