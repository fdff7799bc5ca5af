package lab

import (
	"encoding/hex"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/fulmen-ln/fulmen/rpc/lnrpc"
)

// Point writes a channel point as clients do: txid:index.
func Point(p *lnrpc.ChannelPoint) string {
	txid := p.GetFundingTxidStr()
	if b := p.GetFundingTxidBytes(); len(b) > 0 {
		b = slices.Clone(b)
		slices.Reverse(b)
		txid = hex.EncodeToString(b)
	}
	return fmt.Sprintf("%s:%d", txid, p.OutputIndex)
}

// ParsePoint reads what Point wrote.
func ParsePoint(s string) (*lnrpc.ChannelPoint, error) {
	txid, index, ok := strings.Cut(s, ":")
	i, err := strconv.ParseUint(index, 10, 16)
	if !ok || err != nil || len(txid) != 64 {
		return nil, fmt.Errorf("%q is no channel point; it looks like txid:index", s)
	}
	return &lnrpc.ChannelPoint{FundingTxid: &lnrpc.ChannelPoint_FundingTxidStr{FundingTxidStr: txid}, OutputIndex: uint32(i)}, nil
}

// isConnected recognizes the refusal to connect twice.
func isConnected(err error) bool { return strings.Contains(err.Error(), "already connected") }
