package main

import (
	"context"

	"github.com/fulmen-ln/fulmen/rpc/lnrpc"
)

func unlock(ctx context.Context, s *session) error {
	p := newPrompt(s.c)
	question := "Password: "
	if s.c.Bool("stdin") {
		question = ""
	}
	password, err := p.secret(ctx, question)
	if err != nil {
		return err
	}
	r, err := s.Unlocker.UnlockWallet(ctx, &lnrpc.UnlockWalletRequest{
		WalletPassword: []byte(password), RecoveryWindow: int32(s.c.Uint("recovery_window")), StatelessInit: s.c.Bool("stateless_init"),
	})
	if err != nil {
		return err
	}
	up := s.started(ctx)
	return s.print(r, func(p *page) { p.line("The wallet is open. %s", up) })
}

func changePassword(ctx context.Context, s *session) error {
	p := newPrompt(s.c)
	var old, fresh string
	var err error
	if s.c.Bool("stdin") {
		if old, err = p.answer(ctx, ""); err == nil {
			fresh, err = p.answer(ctx, "")
		}
	} else if old, err = p.secret(ctx, "The password until now: "); err == nil {
		fresh, err = newPassword(ctx, p)
	}
	if err != nil {
		return err
	}
	r, err := s.Unlocker.ChangePassword(ctx, &lnrpc.ChangePasswordRequest{
		CurrentPassword: []byte(old), NewPassword: []byte(fresh),
		StatelessInit: s.c.Bool("stateless_init"), NewMacaroonRootKey: s.c.Bool("new_mac_root_key"),
	})
	if err != nil {
		return err
	}
	up := s.started(ctx)
	return s.print(r, func(p *page) { p.line("The password is changed, and the wallet open. %s", up) })
}

func showState(ctx context.Context, s *session) error {
	return ask(ctx, s, s.State.GetState, &lnrpc.GetStateRequest{}, func(p *page, r *lnrpc.GetStateResponse) {
		next := map[lnrpc.WalletState]string{
			lnrpc.WalletState_NON_EXISTING: "there is no wallet; `fulmen create` makes one", lnrpc.WalletState_LOCKED: "`fulmen unlock` opens the wallet",
			lnrpc.WalletState_UNLOCKED: "the wallet is open, the node is starting", lnrpc.WalletState_RPC_ACTIVE: "the node answers, and catches up with the chain",
			lnrpc.WalletState_SERVER_ACTIVE: "the node is up", lnrpc.WalletState_WAITING_TO_START: "the node is starting",
		}
		p.line("%s: %s", r.State, next[r.State])
	})
}
