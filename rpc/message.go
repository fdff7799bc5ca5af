package rpc

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"

	"github.com/btcsuite/btcd/btcec/v2/ecdsa"
	"github.com/btcsuite/btcd/chainhash/v2"

	"github.com/fulmen-ln/fulmen/lnwire"
	"github.com/fulmen-ln/fulmen/rpc/lnrpc"
)

// signPrefix keeps a signed message from being anything else that the node signs.
const signPrefix = "Lightning Signed Message:"

// messageDigest is what is signed: two rounds of SHA256, or one where the request says so.
func messageDigest(msg []byte, single bool) chainhash.Hash {
	data := append([]byte(signPrefix), msg...)
	if single {
		return sha256.Sum256(data)
	}
	return chainhash.DoubleHashH(data)
}

// SignMessage implements lnrpc.LightningServer.
func (c nodeCalls) SignMessage(_ context.Context, r *lnrpc.SignMessageRequest) (*lnrpc.SignMessageResponse, error) {
	if r.Msg == nil {
		return nil, invalid("need a message to sign")
	}
	sig, err := c.b.Keys.SignCompact(messageDigest(r.Msg, r.SingleHash))
	if err != nil {
		return nil, err
	}
	return &lnrpc.SignMessageResponse{Signature: encodeZBase32(sig[:])}, nil
}

// VerifyMessage implements lnrpc.LightningServer. The signature's key is answered in any case; valid says that a node
// with that key is in the graph.
func (c nodeCalls) VerifyMessage(ctx context.Context, r *lnrpc.VerifyMessageRequest) (*lnrpc.VerifyMessageResponse, error) {
	if r.Msg == nil {
		return nil, invalid("need a message to verify")
	}
	sig, err := decodeZBase32(r.Signature)
	if err != nil {
		return nil, err
	}
	digest := messageDigest(r.Msg, false)
	key, _, err := ecdsa.RecoverCompact(sig, digest[:])
	if err != nil {
		return &lnrpc.VerifyMessageResponse{Valid: false}, nil
	}
	id := lnwire.NewPubKey(key)
	_, _, err = c.b.Graph.GraphNode(ctx, id)
	if err != nil && !errors.Is(err, ErrNodeNotFound) {
		return nil, err
	}
	return &lnrpc.VerifyMessageResponse{Valid: err == nil, Pubkey: id.String()}, nil
}

func decodeHex(s string) ([]byte, error) {
	raw, err := hex.DecodeString(s)
	if err != nil {
		return nil, invalid("%v", err)
	}
	return raw, nil
}

const zbase32 = "ybndrfg8ejkmcpqxot1uwisza345h769"

// encodeZBase32 writes five bits to a character, the highest first, and fills the last one up with zeros.
func encodeZBase32(data []byte) string {
	out := make([]byte, 0, (len(data)*8+4)/5)
	var acc, bits uint
	for _, b := range data {
		acc, bits = acc<<8|uint(b), bits+8
		for bits >= 5 {
			bits -= 5
			out = append(out, zbase32[acc>>bits&31])
		}
	}
	if bits > 0 {
		out = append(out, zbase32[acc<<(5-bits)&31])
	}
	return string(out)
}

var zbase32Values = func() (v [256]int8) {
	for i := range v {
		v[i] = -1
	}
	for i, c := range zbase32 {
		v[c] = int8(i)
	}
	return v
}()

// decodeZBase32 takes back what encodeZBase32 wrote, and nothing else.
func decodeZBase32(s string) ([]byte, error) {
	out := make([]byte, 0, len(s)*5/8)
	var acc, bits uint
	for i := range len(s) {
		v := zbase32Values[s[i]]
		if v < 0 {
			return nil, invalid("failed to decode signature: illegal z-base-32 data at input byte %d", i)
		}
		acc, bits = acc<<5|uint(v), bits+5
		if bits >= 8 {
			bits -= 8
			out = append(out, byte(acc>>bits))
		}
	}
	if bits >= 5 || acc&(1<<bits-1) != 0 {
		return nil, invalid("failed to decode signature: z-base-32 data has stray bits at its end")
	}
	return out, nil
}
