package main

import (
	"fmt"
	"strings"

	"github.com/urfave/cli/v2"
)

// The scripts ask the program itself, with urfave's hidden flag.
const (
	bashCompletion = `_fulmen() {
    local cur="${COMP_WORDS[COMP_CWORD]}" words=("${COMP_WORDS[@]:0:$COMP_CWORD}")
    if [[ "$cur" == -* ]]; then words+=("$cur"); fi
    COMPREPLY=($(compgen -W "$("${words[@]}" --generate-bash-completion 2>/dev/null)" -- "$cur"))
}
complete -o bashdefault -o default -F _fulmen fulmen
`
	zshCompletion = `#compdef fulmen
_fulmen() {
    local -a opts
    local cur="${words[CURRENT]}"
    if [[ "$cur" == -* ]]; then
        opts=("${(@f)$(${words[@]:0:#words[@]-1} ${cur} --generate-bash-completion 2>/dev/null)}")
    else
        opts=("${(@f)$(${words[@]:0:#words[@]-1} --generate-bash-completion 2>/dev/null)}")
    fi
    if [[ -n "${opts[1]}" ]]; then _describe 'values' opts; else _files; fi
}
compdef _fulmen fulmen
`
)

func completionCommand() *cli.Command {
	return &cli.Command{
		Name: "completion", Category: "Node", Usage: "print a script that completes commands in a shell", ArgsUsage: "bash|zsh|fish",
		Description: example("The script is for the shell's start file.",
			"echo 'source <(fulmen completion bash)' >> ~/.bashrc",
			"echo 'source <(fulmen completion zsh)' >> ~/.zshrc",
			"fulmen completion fish > ~/.config/fish/completions/fulmen.fish"),
		Action: func(c *cli.Context) (err error) {
			script := ""
			switch shell := c.Args().First(); shell {
			case "bash":
				script = bashCompletion
			case "zsh":
				script = zshCompletion
			case "fish":
				script, err = c.App.ToFishCompletion()
			default:
				return &usageError{text: fmt.Sprintf("%q is none of bash, zsh, fish", shell), command: c.Command.HelpName, args: c.Command.ArgsUsage}
			}
			if err == nil {
				_, err = fmt.Fprintln(c.App.Writer, strings.TrimRight(script, "\n"))
			}
			return err
		},
	}
}
