package rpc

import (
	"bytes"
	"context"

	"github.com/btcsuite/btcd/btcutil/v2"
	"github.com/btcsuite/btcd/psbt/v2"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/fulmen-ln/fulmen/rpc/walletrpc"
)

// FundPsbt implements walletrpc.WalletKitServer.
func (k *walletKit) FundPsbt(ctx context.Context, r *walletrpc.FundPsbtRequest) (*walletrpc.FundPsbtResponse, error) {
	f, err := parseFundPSBT(r)
	if err != nil {
		return nil, err
	}
	funded, err := k.b.PSBTs.FundPSBT(ctx, f)
	if err != nil {
		return nil, err
	}
	raw, err := serializePSBT(funded.Packet)
	if err != nil {
		return nil, err
	}
	return &walletrpc.FundPsbtResponse{FundedPsbt: raw, ChangeOutputIndex: funded.Change, LockedUtxos: newLeases(funded.Leases)}, nil
}

func parseFundPSBT(r *walletrpc.FundPsbtRequest) (f FundPSBT, err error) {
	if err := supportedPSBT(r); err != nil {
		return f, err
	}
	f.Strategy = r.CoinSelectionStrategy
	if f.MinConfs, err = parseMinConfs(r.MinConfs, r.SpendUnconfirmed); err != nil {
		return f, err
	}
	if f.Lease, err = parseLeaseTime(r.LockExpirationSeconds); err != nil {
		return f, err
	}
	if n := len(r.CustomLockId); n != 0 && n != len(f.LockID) {
		return f, invalid("custom lock ID must be exactly 32 bytes")
	}
	copy(f.LockID[:], r.CustomLockId)
	if f.Fee, err = parsePSBTFee(r); err != nil {
		return f, err
	}
	switch t := r.Template.(type) {
	case *walletrpc.FundPsbtRequest_Psbt:
		f.Packet, err = parsePSBT(t.Psbt)
		return f, err
	case *walletrpc.FundPsbtRequest_Raw:
		return f, parseTemplate(t.Raw, &f)
	}
	return f, invalid("transaction template missing, need to specify either PSBT or raw TX template")
}

// supportedPSBT refuses what the wallet cannot do, before anything is leased.
func supportedPSBT(r *walletrpc.FundPsbtRequest) error {
	switch {
	case r.Account != "" && r.Account != "default":
		return invalid("account %q not found: the wallet has one account, \"default\"", r.Account)
	case r.MaxFeeRatio != 0:
		return status.Error(codes.Unimplemented, "max_fee_ratio is not supported")
	}
	if _, ok := r.Template.(*walletrpc.FundPsbtRequest_CoinSelect); ok {
		return status.Error(codes.Unimplemented, "coin_select templates are not supported")
	}
	return nil
}

func parsePSBTFee(r *walletrpc.FundPsbtRequest) (FeeRate, error) {
	switch fee := r.Fees.(type) {
	case *walletrpc.FundPsbtRequest_TargetConf:
		if fee.TargetConf > 0 && fee.TargetConf <= maxTarget {
			return FeeRate{Target: fee.TargetConf}, nil
		}
		return FeeRate{}, invalid("target_conf of %d is not within 1 and %d", fee.TargetConf, maxTarget)
	case *walletrpc.FundPsbtRequest_SatPerVbyte:
		rate, err := perKW(fee.SatPerVbyte)
		return FeeRate{PerKW: rate}, err
	case *walletrpc.FundPsbtRequest_SatPerKw:
		rate, err := parsePerKW(int64(min(fee.SatPerKw, 1<<62)))
		return FeeRate{PerKW: rate}, err
	}
	return FeeRate{}, invalid("fee definition missing, need to specify either target_conf or sat_per_vbyte")
}

// maxTarget is the longest that estimators look ahead, in blocks.
const maxTarget = 1008

func parseTemplate(t *walletrpc.TxTemplate, f *FundPSBT) (err error) {
	if f.Inputs, err = parseOutPoints(t.GetInputs()); err != nil {
		return err
	}
	if len(t.GetOutputs()) == 0 {
		return invalid("the template has no outputs")
	}
	f.Outputs = make(map[string]btcutil.Amount, len(t.Outputs))
	for addr, sat := range t.Outputs {
		if f.Outputs[addr], err = parseSatoshis("amount", int64(min(sat, 1<<62))); err != nil {
			return err
		}
	}
	return nil
}

func parsePSBT(raw []byte) (*psbt.Packet, error) {
	p, err := psbt.NewFromRawBytes(bytes.NewReader(raw), false)
	if err != nil {
		return nil, invalid("error parsing PSBT: %v", err)
	}
	return p, nil
}

func serializePSBT(p *psbt.Packet) ([]byte, error) {
	var b bytes.Buffer
	err := p.Serialize(&b)
	return b.Bytes(), err
}

// SignPsbt implements walletrpc.WalletKitServer.
func (k *walletKit) SignPsbt(ctx context.Context, r *walletrpc.SignPsbtRequest) (*walletrpc.SignPsbtResponse, error) {
	p, err := parsePSBT(r.FundedPsbt)
	if err != nil {
		return nil, err
	}
	signed, err := k.b.PSBTs.SignPSBT(ctx, p)
	if err != nil {
		return nil, err
	}
	raw, err := serializePSBT(p)
	return &walletrpc.SignPsbtResponse{SignedPsbt: raw, SignedInputs: signed}, err
}

// FinalizePsbt implements walletrpc.WalletKitServer.
func (k *walletKit) FinalizePsbt(ctx context.Context, r *walletrpc.FinalizePsbtRequest) (*walletrpc.FinalizePsbtResponse, error) {
	p, err := parsePSBT(r.FundedPsbt)
	if err != nil {
		return nil, err
	}
	tx, err := k.b.PSBTs.FinalizePSBT(ctx, p)
	if err != nil {
		return nil, err
	}
	raw, err := serializePSBT(p)
	if err != nil {
		return nil, err
	}
	final, err := serializeTx(tx)
	return &walletrpc.FinalizePsbtResponse{SignedPsbt: raw, RawFinalTx: final}, err
}
