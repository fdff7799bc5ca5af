package node

import (
	"context"
	"errors"
	"slices"

	"github.com/btcsuite/btcd/btcutil/v2"
	"github.com/btcsuite/btcd/wire/v2"

	"github.com/fulmen-ln/fulmen/channel/commitment"
	"github.com/fulmen-ln/fulmen/rpc"
	"github.com/fulmen-ln/fulmen/rpc/walletrpc"
	"github.com/fulmen-ln/fulmen/wallet"
)

// apiSweeps implements rpc.Sweeps.
type apiSweeps struct{ *api }

// witnessTypes are LND's names of what a claim spends. The output of an HTLC transaction has the script of to_local; of a
// revoked HTLC only the commitment's owner knew who offered it.
var witnessTypes = map[commitment.Kind]walletrpc.WitnessType{
	commitment.SpendAnchor:           walletrpc.WitnessType_COMMITMENT_ANCHOR,
	commitment.SpendToRemote:         walletrpc.WitnessType_COMMITMENT_TO_REMOTE_CONFIRMED,
	commitment.SpendDelayed:          walletrpc.WitnessType_COMMITMENT_TIME_LOCK,
	commitment.SpendHTLCTimeout:      walletrpc.WitnessType_HTLC_OFFERED_TIMEOUT_SECOND_LEVEL_INPUT_CONFIRMED,
	commitment.SpendHTLCSuccess:      walletrpc.WitnessType_HTLC_ACCEPTED_SUCCESS_SECOND_LEVEL_INPUT_CONFIRMED,
	commitment.SpendTheirHTLCTimeout: walletrpc.WitnessType_HTLC_OFFERED_REMOTE_TIMEOUT,
	commitment.SpendTheirHTLCSuccess: walletrpc.WitnessType_HTLC_ACCEPTED_REMOTE_SUCCESS,
	commitment.SpendRevokedDelayed:   walletrpc.WitnessType_COMMITMENT_REVOKE,
	commitment.SpendRevokedHTLC:      walletrpc.WitnessType_HTLC_OFFERED_REVOKE,
}

// PendingSweeps shows every claim as the sweeper saw it last.
func (a apiSweeps) PendingSweeps(context.Context) ([]rpc.PendingSweep, error) {
	pending := a.sweeper.sweeper.Pending()
	out := make([]rpc.PendingSweep, len(pending))
	for i := range pending {
		p := &pending[i]
		out[i] = rpc.PendingSweep{
			OutPoint: p.Claim.OutPoint, Witness: witnessTypes[p.Claim.Recipe.Kind], Amount: btcutil.Amount(p.Claim.Output.Value),
			Sent: p.Left == wallet.Swept, PerKW: p.FeeRate, Asked: p.Floor, Budget: p.Budget, Deadline: p.Claim.Deadline, Maturity: p.MatureAt,
		}
	}
	return out, nil
}

// Swept lists the wallet's transactions that the sweeper made.
func (a apiSweeps) Swept(ctx context.Context, q rpc.TransactionQuery) ([]rpc.Transaction, error) {
	txs, err := apiFunds(a).Transactions(ctx, q)
	return slices.DeleteFunc(txs, func(t rpc.Transaction) bool { return t.Label != wallet.SweepLabel }), err
}

// BumpSweep takes effect at once.
func (a apiSweeps) BumpSweep(ctx context.Context, op wire.OutPoint, fee rpc.FeeRate) error {
	rate, err := a.feeRate(ctx, fee)
	if err != nil {
		return err
	}
	return bumpError(a.sweeper.bump(ctx, rate, op))
}

func bumpError(err error) error {
	if errors.Is(err, wallet.ErrUnknownOutput) {
		return rpc.ErrSweepNotFound
	}
	return err
}

// BumpCoin publishes a child that pays the rate for itself alone, as LND's does.
func (a apiSweeps) BumpCoin(ctx context.Context, op wire.OutPoint, fee rpc.FeeRate) error {
	coins, err := a.wallet.ListUnspent(0, 0)
	if err != nil {
		return err
	}
	if !slices.ContainsFunc(coins, func(c wallet.Coin) bool { return c.OutPoint == op }) {
		return rpc.ErrSweepNotFound
	}
	rate, err := a.feeRate(ctx, fee)
	if err != nil {
		return err
	}
	script, err := a.wallet.NewScript()
	if err != nil {
		return err
	}
	// The reserve is spent to ourselves: what is left of it stays in the wallet.
	_, err = a.wallet.Send(ctx, wallet.SendRequest{
		Outputs: []wire.TxOut{{PkScript: script}}, All: true, Label: wallet.SweepLabel,
		Selection: wallet.Selection{FeeRate: rate, Coins: []wire.OutPoint{op}, SpendReserve: true},
	})
	return fundsError(err)
}

// BumpForceClose asks for more of the children of whichever commitment may confirm.
func (a apiSweeps) BumpForceClose(ctx context.Context, point wire.OutPoint, fee rpc.FeeRate) error {
	p, ok := a.book.funded(point)
	if !ok {
		return rpc.ErrChannelNotFound
	}
	var anchors []wire.OutPoint
	waiting, _ := a.claims()
	for i := range waiting[p.ChannelID] {
		if c := &waiting[p.ChannelID][i].Claim; c.Parent != nil {
			anchors = append(anchors, c.OutPoint)
		}
	}
	if len(anchors) == 0 {
		return rpc.ErrSweepNotFound
	}
	rate, err := a.feeRate(ctx, fee)
	if err != nil {
		return err
	}
	return bumpError(a.sweeper.bump(ctx, rate, anchors...))
}
