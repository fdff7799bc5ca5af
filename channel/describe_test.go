package channel_test

import (
	"crypto/sha256"
	"fmt"
	"strings"

	"github.com/btcsuite/btcd/btcutil/v2"
	"github.com/btcsuite/btcd/wire/v2"

	"github.com/fulmen-ln/fulmen/channel"
	"github.com/fulmen-ln/fulmen/internal/sim"
	"github.com/fulmen-ln/fulmen/lnwire"
)

func preimage(b byte) (p lnwire.Preimage) {
	p[0] = b
	return p
}

func hashOf(b byte) lnwire.Hash {
	p := preimage(b)
	return sha256.Sum256(p[:])
}

// describe writes a message without what is the same every time, or random.
func describe(msg lnwire.Message) string {
	name := strings.ReplaceAll(msg.Type().String(), " ", "")
	switch m := msg.(type) {
	case *lnwire.OpenChannel:
		return fmt.Sprintf("%s funding=%d push=%d dust=%d reserve=%d rate=%d", name, m.Funding, m.Push, m.DustLimit, m.Reserve, m.FeeRate)
	case *lnwire.AcceptChannel:
		return fmt.Sprintf("%s dust=%d reserve=%d depth=%d", name, m.DustLimit, m.Reserve, m.MinimumDepth)
	case *lnwire.UpdateAddHTLC:
		return fmt.Sprintf("%s id=%d amount=%d expiry=%d", name, m.ID, m.Amount, m.Expiry)
	case *lnwire.UpdateFulfillHTLC:
		return fmt.Sprintf("%s id=%d", name, m.ID)
	case *lnwire.UpdateFailHTLC:
		return fmt.Sprintf("%s id=%d reason=%q", name, m.ID, m.Reason)
	case *lnwire.UpdateFailMalformedHTLC:
		return fmt.Sprintf("%s id=%d code=%#x", name, m.ID, m.FailureCode)
	case *lnwire.UpdateFee:
		return fmt.Sprintf("%s rate=%d", name, m.FeeRate)
	case *lnwire.CommitmentSigned:
		return fmt.Sprintf("%s htlcs=%d", name, len(m.HTLCSigs))
	case *lnwire.ChannelReestablish:
		return fmt.Sprintf("%s next_commitment=%d next_revocation=%d", name, m.NextCommitment, m.NextRevocation)
	case *lnwire.ClosingSigned:
		if m.FeeRange == nil {
			return fmt.Sprintf("%s fee=%d", name, m.Fee)
		}
		return fmt.Sprintf("%s fee=%d range=%d-%d", name, m.Fee, m.FeeRange.Min, m.FeeRange.Max)
	case *lnwire.Error:
		return fmt.Sprintf("%s %q", name, m.Data)
	case *lnwire.Warning:
		return fmt.Sprintf("%s %q", name, m.Data)
	case *lnwire.AnnouncementSignatures:
		return fmt.Sprintf("%s scid=%v", name, m.SCID)
	}
	return name
}

func describeOutcome(o channel.Outcome) string {
	switch {
	case o.Preimage != nil:
		return "settled"
	case o.Malformed != nil:
		return fmt.Sprintf("malformed %#x", o.Malformed.Code)
	case o.Local:
		return "failed here"
	}
	return fmt.Sprintf("failed %q", o.Reason)
}

func describeNotice(n channel.Notice) string {
	name := [...]string{"", "opening", "pending", "open", "active", "inactive", "closing", "closing-tx", "force-closing", "data-loss",
		"spent", "closed", "abandoned", "warning", "error"}[n.Kind]
	if n.Text == "" || n.Kind == channel.NoticeSpent {
		return name
	}
	return fmt.Sprintf("%s %q", name, n.Text)
}

// txName says what a transaction is by its shape.
func (s *stage) txName(tx *wire.MsgTx) string {
	switch {
	case s.pair.Funding != nil && tx.TxHash() == s.pair.Funding.TxHash():
		return "funding"
	case tx.TxIn[0].Sequence == wire.MaxTxInSequenceNum:
		return fmt.Sprintf("closing of %v", values(tx))
	}
	return fmt.Sprintf("commitment of %v", values(tx))
}

func values(tx *wire.MsgTx) (v []int64) {
	for _, out := range tx.TxOut {
		v = append(v, out.Value)
	}
	return v
}

// published names transactions that were signed: "A3" is commitment 3 of A, "A" the latest.
func (s *stage) published(name string) *wire.MsgTx {
	owner := s.node(name[:1])
	if name[1:] == "" {
		return owner.Peer.Signer.Signed[owner.Peer.Machine.Info().RemoteNumber].Tx
	}
	var n uint64
	if _, err := fmt.Sscan(name[1:], &n); err != nil {
		panic(err)
	}
	return owner.Peer.Signer.Signed[n].Tx
}

// forge makes a message that n receives although its peer did not send it.
func (s *stage) forge(n *sim.Node, what string, a args) lnwire.Message {
	c := n.Machine.Info().ChannelID
	id := a.num("id", 0)
	switch what {
	case "add":
		return &lnwire.UpdateAddHTLC{ChannelID: c, ID: id, Amount: lnwire.MilliSatoshi(a.num("amount", 1_000_000)), Hash: hashOf(1), Expiry: uint32(a.num("expiry", 1100))}
	case "fulfill":
		return &lnwire.UpdateFulfillHTLC{ChannelID: c, ID: id, Preimage: preimage(byte(a.num("secret", 1)))}
	case "fail":
		return &lnwire.UpdateFailHTLC{ChannelID: c, ID: id}
	case "malformed":
		return &lnwire.UpdateFailMalformedHTLC{ChannelID: c, ID: id, FailureCode: uint16(a.num("code", 1))}
	case "fee":
		return &lnwire.UpdateFee{ChannelID: c, FeeRate: lnwire.FeePerKW(a.num("rate", 1000))}
	case "commit":
		return &lnwire.CommitmentSigned{ChannelID: c, HTLCSigs: make([]lnwire.Sig, a.num("sigs", 0))}
	case "revoke":
		return &lnwire.RevokeAndAck{ChannelID: c, Secret: lnwire.Secret{byte(a.num("secret", 1))}}
	case "shutdown":
		return &lnwire.Shutdown{ChannelID: c, Script: sim.Script(byte(a.num("to", 'x')))[:a.num("len", 22)]}
	case "closing":
		return &lnwire.ClosingSigned{ChannelID: c, Fee: btcutil.Amount(a.num("fee", 500))}
	case "reestablish":
		return &lnwire.ChannelReestablish{ChannelID: c, NextCommitment: a.num("commitment", 0), NextRevocation: a.num("revocation", 0)}
	case "error":
		return &lnwire.Error{ChannelID: c, Data: []byte("my fault")}
	case "warning":
		return &lnwire.Warning{ChannelID: c, Data: []byte("beware")}
	}
	panic("no message " + what)
}
