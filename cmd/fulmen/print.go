package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/btcsuite/btcd/btcutil/v2"
	"github.com/urfave/cli/v2"
	"golang.org/x/term"
	"google.golang.org/protobuf/proto"

	"github.com/fulmen-ln/fulmen/lnwire"
)

// printer prints results: for people on a terminal, as JSON elsewhere.
type printer struct {
	out   io.Writer
	json  bool
	color bool
}

func newPrinter(c *cli.Context) *printer {
	tty := isTerminal(c.App.Writer)
	_, noColor := os.LookupEnv("NO_COLOR") // https://no-color.org
	return &printer{
		out:   c.App.Writer,
		json:  anywhere(c, flagJSON) || !tty && !anywhere(c, flagTable),
		color: tty && !noColor && os.Getenv("TERM") != "dumb",
	}
}

// anywhere reports whether a boolean flag is set at the command or before it.
func anywhere(c *cli.Context, name string) bool {
	for _, level := range c.Lineage() {
		if level.Command != nil && level.Bool(name) {
			return true
		}
	}
	return false
}

func isTerminal(f any) bool {
	file, ok := f.(*os.File)
	return ok && term.IsTerminal(int(file.Fd()))
}

// print prints m as JSON, or show's page.
func (p *printer) print(m proto.Message, show func(*page)) error {
	if p.json {
		return p.printJSON(marshal(m))
	}
	return p.printPage(show)
}

// printValue is print for results that lncli gives a form of their own.
func (p *printer) printValue(v any, show func(*page)) error {
	if !p.json {
		return p.printPage(show)
	}
	raw, err := json.Marshal(v)
	if err != nil {
		return err
	}
	return p.printJSON(raw)
}

func (p *printer) printJSON(raw []byte) error {
	text, err := indent(raw)
	if err == nil {
		_, err = p.out.Write(text)
	}
	return err
}

func (p *printer) printPage(show func(*page)) error {
	w := bufio.NewWriter(p.out)
	show(&page{w: w, color: p.color})
	return w.Flush()
}

// page is what people see. Its writer keeps the first error; printPage returns it.
type page struct {
	w     *bufio.Writer
	color bool
}

func (p *page) line(format string, args ...any) {
	fmt.Fprintf(p.w, format+"\n", args...)
}

func (p *page) paint(s style, text string) string {
	if !p.color || s == plain {
		return text
	}
	return "\x1b[" + string(s) + "m" + text + "\x1b[0m"
}

// style is what stands in the escape sequence of a colour.
type style string

const (
	plain  style = ""
	bold   style = "1"
	dim    style = "2"
	red    style = "31"
	green  style = "32"
	yellow style = "33"
)

// sats and msats print amounts with thousands apart, sats with three digits where there is a fraction.
type (
	sats  btcutil.Amount
	msats lnwire.MilliSatoshi
)

func (a sats) String() string { return group(int64(a)) }

func (a msats) String() string {
	whole, part := uint64(a)/1000, uint64(a)%1000
	if part == 0 {
		return group(int64(whole))
	}
	return fmt.Sprintf("%s.%03d", group(int64(whole)), part)
}

// group writes n with commas between thousands.
func group(n int64) string {
	digits := fmt.Sprintf("%d", n)
	sign := ""
	if strings.HasPrefix(digits, "-") {
		sign, digits = "-", digits[1:]
	}
	for i := len(digits) - 3; i > 0; i -= 3 {
		digits = digits[:i] + "," + digits[i:]
	}
	return sign + digits
}

// count writes a number with its noun.
func count(n int, one string) string {
	if n == 1 {
		return "1 " + one
	}
	return group(int64(n)) + " " + one + "s"
}

// when writes a time in seconds since 1970; nothing for none.
func when(unix int64) string {
	if unix == 0 {
		return "-"
	}
	return time.Unix(unix, 0).Format(time.DateTime)
}

// short abbreviates a key or a hash: enough to tell it from others in one's own lists.
func short(hex string) string {
	if len(hex) <= 16 {
		return hex
	}
	return hex[:8] + "…" + hex[len(hex)-4:]
}

// clip cuts a text to n characters.
func clip(s string, n int) string {
	r := []rune(visible(s))
	if len(r) <= n {
		return string(r)
	}
	return string(r[:n-1]) + "…"
}

// visible replaces control characters: what others wrote (aliases, memos) must not steer the terminal.
func visible(s string) string {
	return strings.Map(func(r rune) rune {
		if !isPrint(r) {
			return '·'
		}
		return r
	}, s)
}

func orDash(s string) string {
	if s == "" {
		return "-"
	}
	return s
}
