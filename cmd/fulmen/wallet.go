package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/fulmen-ln/fulmen/rpc"
	"github.com/fulmen-ln/fulmen/rpc/lnrpc"
)

const (
	seedWords    = 24
	defaultGap   = 2500             // addresses looked ahead for old funds
	startupLimit = 30 * time.Second // how long create and unlock wait for the node to serve
)

// startupCommands make and open the wallet.
func startupCommands() []*cli.Command {
	stdin := &cli.BoolFlag{Name: "stdin", Usage: "read from standard input, one line each, instead of asking"}
	gap := &cli.UintFlag{Name: "recovery_window", Usage: "`addresses` to look ahead for funds of a restored wallet"}
	stateless := &cli.BoolFlag{Name: "stateless_init", Usage: "write no macaroon files; the admin macaroon is printed"}
	return []*cli.Command{
		{
			Name: "create", Usage: "make the wallet, new or from its 24 words", Action: withoutMacaroon(create),
			Description: example("Asks for a password, and shows the 24 words that are the wallet: who has them has the coins, and without them\n"+
				"a broken disk is the end of it. They do not bring open channels back.\n"+
				"With --stdin the lines are: password; then with --restore the words, and their passphrase where there is one.",
				"fulmen create",
				"fulmen create --restore",
				"pwgen -s 20 1 | tee password | fulmen create --stdin > seed.json"),
			Flags: []cli.Flag{stdin, &cli.BoolFlag{Name: "restore", Usage: "from words that there are already; without it and with a terminal this is asked"},
				&cli.BoolFlag{Name: "passphrase", Usage: "with --stdin, of a new wallet: the second line is a passphrase for the words"}, gap, stateless},
		},
		{
			Name: "unlock", Usage: "open the wallet after a start of the node", Action: withoutMacaroon(unlock),
			Description: example("The password is asked, or read from standard input.", "fulmen unlock", "fulmen unlock --stdin < password"),
			Flags:       []cli.Flag{stdin, gap, stateless},
		},
		{
			Name: "changepassword", Usage: "change the wallet's password, and open it", Action: withoutMacaroon(changePassword),
			Description: example("The wallet must be locked, as it is after a start of the node.\nWith --stdin the lines are: the old password, the new one.",
				"fulmen changepassword", "printf 'old\\nnew\\n' | fulmen changepassword --stdin"),
			Flags: []cli.Flag{stdin, stateless, &cli.BoolFlag{Name: "new_mac_root_key", Usage: "make new macaroons; all old ones become void"}},
		},
		{
			Name: "state", Usage: "show how far the node's start is", Action: withoutMacaroon(showState),
			Description: example("NON_EXISTING (`fulmen create` is next), LOCKED (`fulmen unlock`), UNLOCKED, RPC_ACTIVE, SERVER_ACTIVE.", "fulmen state"),
		},
	}
}

// seed is what a wallet is made of.
type seed struct {
	password, passphrase string
	words                []string
	restored             bool
}

func create(ctx context.Context, s *session) error {
	state, err := s.State.GetState(ctx, &lnrpc.GetStateRequest{})
	if err != nil {
		return err
	}
	if state.State != lnrpc.WalletState_NON_EXISTING && state.State != lnrpc.WalletState_WAITING_TO_START {
		return errors.New("wallet already exists")
	}
	p := newPrompt(s.c)
	var w seed
	if s.c.Bool("stdin") {
		w, err = readSeed(ctx, s.c, p)
	} else {
		w, err = askSeed(ctx, s.c, p)
	}
	if err != nil {
		return err
	}
	if !w.restored {
		r, err := s.Unlocker.GenSeed(ctx, &lnrpc.GenSeedRequest{AezeedPassphrase: []byte(w.passphrase)})
		if err != nil {
			return err
		}
		w.words = r.CipherSeedMnemonic
		if !s.c.Bool("stdin") {
			if err := teach(ctx, p, w.words); err != nil {
				return err
			}
		}
	}
	gap := s.c.Uint("recovery_window")
	if w.restored && !s.c.IsSet("recovery_window") {
		gap = defaultGap
	}
	made, err := s.Unlocker.InitWallet(ctx, &lnrpc.InitWalletRequest{
		WalletPassword: []byte(w.password), CipherSeedMnemonic: w.words, AezeedPassphrase: []byte(w.passphrase),
		RecoveryWindow: int32(gap), StatelessInit: s.c.Bool("stateless_init"),
	})
	if err != nil {
		return err
	}
	return s.created(ctx, w, made.AdminMacaroon)
}

func (s *session) created(ctx context.Context, w seed, macaroon []byte) error {
	result := struct {
		Words    []string `json:"cipher_seed_mnemonic,omitempty"`
		Macaroon string   `json:"admin_macaroon,omitempty"`
	}{}
	if s.c.Bool("stdin") && !w.restored {
		result.Words = w.words
	}
	if s.c.Bool("stateless_init") {
		result.Macaroon = fmt.Sprintf("%x", macaroon)
	}
	up := s.started(ctx)
	return s.printValue(result, func(p *page) {
		if result.Words != nil {
			printWords(p.w, w.words)
		}
		if result.Macaroon != "" {
			p.facts(fact{"admin macaroon", result.Macaroon})
		}
		p.line("The wallet is made and open. %s", up)
		p.line("Next: `fulmen getinfo`, and `fulmen newaddress` to bring coins.")
	})
}

// started waits until the node serves, and says how it went. Nothing is wrong if it takes longer than we wait.
func (s *session) started(ctx context.Context) string {
	const later = "The node is still starting; `fulmen state` shows how far it is."
	ctx, cancel := context.WithTimeout(ctx, startupLimit)
	defer cancel()
	states, err := s.State.SubscribeState(ctx, &lnrpc.SubscribeStateRequest{})
	if err != nil {
		return later
	}
	err = each(states, func(r *lnrpc.SubscribeStateResponse) (bool, error) {
		return r.State == lnrpc.WalletState_RPC_ACTIVE || r.State == lnrpc.WalletState_SERVER_ACTIVE, nil
	})
	if err != nil {
		return later
	}
	return "The node is up."
}

// readSeed takes the answers from lines.
func readSeed(ctx context.Context, c *cli.Context, p *prompt) (w seed, err error) {
	if w.password, err = p.answer(ctx, ""); err != nil {
		return w, err
	}
	if w.restored = c.Bool("restore"); w.restored {
		line, err := p.answer(ctx, "")
		if err != nil {
			return w, err
		}
		if w.words, err = parseWords(line); err != nil {
			return w, err
		}
	}
	if w.restored || c.Bool("passphrase") {
		line, err := p.line.ReadString('\n')
		if err != nil && !errors.Is(err, io.EOF) {
			return w, err
		}
		w.passphrase = strings.TrimRight(line, "\r\n")
	}
	return w, checkPassword(w.password)
}

// askSeed takes the answers from a person.
func askSeed(ctx context.Context, c *cli.Context, p *prompt) (w seed, err error) {
	if w.restored = c.Bool("restore"); !w.restored {
		if w.restored, err = p.yes(ctx, "Do you have the 24 words of a wallet to restore?"); err != nil {
			return w, err
		}
	}
	if w.restored {
		line, err := p.answer(ctx, "The 24 words, with spaces between them:\n")
		if err != nil {
			return w, err
		}
		if w.words, err = parseWords(line); err != nil {
			return w, err
		}
		if w.passphrase, err = p.secret(ctx, "Their passphrase (empty if there is none): "); err != nil {
			return w, err
		}
	} else {
		fmt.Fprintln(p.out, "The words can have a passphrase of their own, so that who finds them has nothing yet. Forgotten, it is the same as words lost.")
		if w.passphrase, err = askTwice(ctx, p, "Passphrase for the words (empty for none): ", anything); err != nil {
			return w, err
		}
	}
	w.password, err = newPassword(ctx, p)
	return w, err
}

func parseWords(line string) ([]string, error) {
	words := strings.Fields(strings.ToLower(line))
	if len(words) != seedWords {
		return nil, fmt.Errorf("these are %d words, and a wallet has %d", len(words), seedWords)
	}
	return words, nil
}

// teach shows the words of a new wallet and waits until they are written down.
func teach(ctx context.Context, p *prompt, words []string) error {
	fmt.Fprintln(p.out, "\nWrite these words down, in this order, on paper. They are shown this once.")
	printWords(p.out, words)
	_, err := p.answer(ctx, "Press Enter when they are written down. ")
	return err
}

func printWords(out io.Writer, words []string) {
	const columns = 4
	fmt.Fprintln(out)
	for i, word := range words {
		end := " "
		if i%columns == columns-1 || i == len(words)-1 {
			end = "\n"
		}
		fmt.Fprintf(out, "  %2d. %-10s%s", i+1, word, end)
	}
	fmt.Fprintln(out)
}

func checkPassword(password string) error {
	if len(password) < rpc.MinPassword {
		return fmt.Errorf("a password has at least %d characters", rpc.MinPassword)
	}
	return nil
}

// tries is how often a password may be mistyped.
const tries = 3

// newPassword asks until there is a password of sufficient length, twice the same.
func newPassword(ctx context.Context, p *prompt) (string, error) {
	question := fmt.Sprintf("Password that locks the wallet on this machine (at least %d characters): ", rpc.MinPassword)
	return askTwice(ctx, p, question, checkPassword)
}

func anything(string) error { return nil }

var errNotSame = errors.New("the two are not the same")

func askTwice(ctx context.Context, p *prompt, question string, check func(string) error) (string, error) {
	for try := 1; ; try++ {
		first, err := p.secret(ctx, question)
		if err != nil || first == "" && check(first) == nil {
			return first, err
		}
		wrong := check(first)
		if wrong == nil {
			second, err := p.secret(ctx, "Once more: ")
			if err != nil || first == second {
				return first, err
			}
			wrong = errNotSame
		}
		if try == tries {
			return "", wrong
		}
		fmt.Fprintf(p.out, "Again, please: %v.\n", wrong)
	}
}
