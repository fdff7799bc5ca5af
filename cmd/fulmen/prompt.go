package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/urfave/cli/v2"
	"golang.org/x/term"
)

// prompt asks people. Questions go to standard error, so that results can be redirected.
type prompt struct {
	in   io.Reader
	out  io.Writer
	line *bufio.Reader
}

func newPrompt(c *cli.Context) *prompt {
	return &prompt{in: c.App.Reader, out: c.App.ErrWriter, line: bufio.NewReader(c.App.Reader)}
}

// interactive reports whether somebody is there to answer.
func (p *prompt) interactive() bool { return isTerminal(p.in) }

// answer is a line, without its end. It stops waiting when ctx ends; the reader then stays behind, for the process ends.
func (p *prompt) answer(ctx context.Context, question string) (string, error) {
	fmt.Fprint(p.out, question)
	return p.wait(ctx, func() (string, error) {
		text, err := p.line.ReadString('\n')
		if errors.Is(err, io.EOF) && text != "" {
			err = nil
		}
		return strings.TrimRight(text, "\r\n"), err
	})
}

// secret is an answer that is not shown, where the input is a terminal.
func (p *prompt) secret(ctx context.Context, question string) (string, error) {
	file, ok := p.in.(*os.File)
	if !ok || !p.interactive() {
		return p.answer(ctx, question)
	}
	before, err := term.GetState(int(file.Fd()))
	if err != nil {
		return "", err
	}
	fmt.Fprint(p.out, question)
	text, err := p.wait(ctx, func() (string, error) {
		raw, err := term.ReadPassword(int(file.Fd()))
		return string(raw), err
	})
	fmt.Fprintln(p.out)
	if err != nil {
		err = errors.Join(err, term.Restore(int(file.Fd()), before))
	}
	return text, err
}

func (p *prompt) wait(ctx context.Context, read func() (string, error)) (string, error) {
	type result struct {
		text string
		err  error
	}
	got := make(chan result, 1)
	go func() {
		text, err := read()
		got <- result{text, err}
	}()
	select {
	case <-ctx.Done():
		return "", ctx.Err()
	case r := <-got:
		if errors.Is(r.err, io.EOF) {
			r.err = errors.New("the input ended before the answer")
		}
		return r.text, r.err
	}
}

// yes asks for a yes; all else is a no.
func (p *prompt) yes(ctx context.Context, question string) (bool, error) {
	text, err := p.answer(ctx, question+" (yes/no) ")
	text = strings.ToLower(strings.TrimSpace(text))
	return text == "yes" || text == "y", err
}

// confirm asks before money moves, unless --force says yes, or nobody is there to be asked.
func confirm(ctx context.Context, c *cli.Context, question string) error {
	p := newPrompt(c)
	if c.Bool("force") || !p.interactive() {
		return nil
	}
	ok, err := p.yes(ctx, question)
	if err == nil && !ok {
		err = errors.New("nothing was done")
	}
	return err
}
