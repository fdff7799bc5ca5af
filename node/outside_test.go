package node

import (
	"context"
	"errors"
	"log/slog"
	"testing"

	"github.com/btcsuite/btcd/wire/v2"
	"github.com/stretchr/testify/require"

	"github.com/fulmen-ln/fulmen/channel"
	"github.com/fulmen-ln/fulmen/internal/mailbox"
	"github.com/fulmen-ln/fulmen/lnwire"
	"github.com/fulmen-ln/fulmen/peer"
	"github.com/fulmen-ln/fulmen/wallet"
)

// purse is a wallet that funds when it is told to, and counts what came back.
type purse struct {
	begin    chan error
	unfunded chan *wallet.Funded
}

func (p *purse) Fund(context.Context, wallet.FundRequest) (*wallet.Funded, error) {
	if err := <-p.begin; err != nil {
		return nil, err
	}
	return &wallet.Funded{Tx: wire.NewMsgTx(2)}, nil
}

func (p *purse) Unfund(f *wallet.Funded) error {
	p.unfunded <- f
	return nil
}

func (p *purse) Publish(context.Context, *wire.MsgTx, string) error { return nil }

// opener is the outside of one channel in opening.
func opener(t *testing.T) (*outside, *purse, chan channel.Event, peer.Ref) {
	p := &purse{begin: make(chan error), unfunded: make(chan *wallet.Funded, 9)}
	told := make(chan channel.Event, 9)
	o := &outside{
		wallet: p, tell: func(_ peer.Ref, e channel.Event) { told <- e }, news: new(hub[channelNews]), log: slog.New(slog.DiscardHandler),
		noticed: func(peer.Ref, channel.NoticeKind) {}, ended: func(peer.Ref, *channel.Info) {}, box: mailbox.New[func()](),
		watches: make(map[watchKey]watching), unseen: make(map[chainHash]unseen), orders: make(map[uint64]order),
		funding: make(map[uint64]*wallet.Funded),
	}
	o.start(t.Context())
	t.Cleanup(o.stop)
	ref := peer.Ref{Peer: lnwire.PubKey{2}, Index: 7}
	o.ordered(ref.Index, order{})
	o.Fund(ref, channel.FundRequest{})
	return o, p, told, ref
}

// settled returns when the loop has taken all orders.
func (o *outside) settled() {
	done := make(chan struct{})
	o.do(func() { close(done) })
	<-done
}

func TestAnOpeningThatFailsGivesItsCoinsBack(t *testing.T) {
	o, p, told, ref := opener(t)
	p.begin <- nil
	require.IsType(t, channel.Funded{}, <-told)
	o.Notice(ref, new(channel.Info), channel.Notice{Kind: channel.NoticeAbandoned})
	require.NotNil(t, <-p.unfunded)
	o.Notice(ref, new(channel.Info), channel.Notice{Kind: channel.NoticeAbandoned})
	o.settled()
	require.Empty(t, p.unfunded, "once")
}

func TestCoinsThatComeTooLateForAnOpeningGoBack(t *testing.T) {
	o, p, told, ref := opener(t)
	o.settled()
	o.Notice(ref, new(channel.Info), channel.Notice{Kind: channel.NoticeAbandoned})
	o.settled()
	p.begin <- nil
	require.NotNil(t, <-p.unfunded)
	require.Empty(t, told)
}

func TestCoinsOfAPublishedFundingAreNotGivenBack(t *testing.T) {
	o, p, told, ref := opener(t)
	p.begin <- nil
	require.IsType(t, channel.Funded{}, <-told)
	o.Publish(ref, []*wire.MsgTx{wire.NewMsgTx(2)})
	o.Notice(ref, new(channel.Info), channel.Notice{Kind: channel.NoticeAbandoned})
	o.settled()
	require.Empty(t, p.unfunded)
}

func TestAWalletThatCannotFundTellsTheChannel(t *testing.T) {
	o, p, told, ref := opener(t)
	p.begin <- errors.New("no coins")
	require.Equal(t, channel.FundingFailed{Err: "no coins"}, <-told)
	o.Notice(ref, new(channel.Info), channel.Notice{Kind: channel.NoticeAbandoned})
	o.settled()
	require.Empty(t, p.unfunded)
}
