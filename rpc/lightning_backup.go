package rpc

import (
	"context"

	"github.com/btcsuite/btcd/wire/v2"

	"github.com/fulmen-ln/fulmen/rpc/lnrpc"
)

// MaxBackups bounds the backups of one request.
const MaxBackups = 10_000

// Backups keeps what is left of channels when only the seed is. What a backup holds is the node's own matter.
type Backups interface {
	ExportBackups(ctx context.Context) (BackupSnapshot, error)
	ExportBackup(ctx context.Context, point wire.OutPoint) ([]byte, error) // ErrChannelNotFound
	// VerifyBackup lists the channels of a backup, or says why it is none.
	VerifyBackup(ctx context.Context, b []byte) ([]wire.OutPoint, error)
	// RestoreBackup takes in the channels that are not known, and answers how many there were.
	RestoreBackup(ctx context.Context, b []byte) (int, error)
	// SubscribeBackups sends a snapshot whenever channels have come or gone.
	SubscribeBackups(ctx context.Context, sink Sink[BackupSnapshot]) (stop func(), err error)
}

// BackupSnapshot is a backup of all channels, and one of each.
type BackupSnapshot struct {
	Singles []ChannelBackup
	All     []byte
}

// ChannelBackup is that of one channel.
type ChannelBackup struct {
	Point  wire.OutPoint
	Backup []byte
}

// backupCalls are about backups of channels.
type backupCalls struct {
	b       *Backend
	streams *streams
}

// ExportAllChannelBackups implements lnrpc.LightningServer.
func (c backupCalls) ExportAllChannelBackups(ctx context.Context, _ *lnrpc.ChanBackupExportRequest) (*lnrpc.ChanBackupSnapshot, error) {
	s, err := c.b.Backups.ExportBackups(ctx)
	if err != nil {
		return nil, err
	}
	return newSnapshot(s), nil
}

func newSnapshot(s BackupSnapshot) *lnrpc.ChanBackupSnapshot {
	out := &lnrpc.ChanBackupSnapshot{
		SingleChanBackups: &lnrpc.ChannelBackups{}, MultiChanBackup: &lnrpc.MultiChanBackup{MultiChanBackup: s.All},
	}
	for _, one := range s.Singles {
		out.SingleChanBackups.ChanBackups = append(out.SingleChanBackups.ChanBackups,
			&lnrpc.ChannelBackup{ChanPoint: newChannelPoint(one.Point), ChanBackup: one.Backup})
		out.MultiChanBackup.ChanPoints = append(out.MultiChanBackup.ChanPoints, newChannelPoint(one.Point))
	}
	return out
}

// ExportChannelBackup implements lnrpc.LightningServer.
func (c backupCalls) ExportChannelBackup(ctx context.Context, r *lnrpc.ExportChannelBackupRequest) (*lnrpc.ChannelBackup, error) {
	point, err := parsePoint(r.ChanPoint)
	if err != nil {
		return nil, err
	}
	b, err := c.b.Backups.ExportBackup(ctx, point)
	if err != nil {
		return nil, err
	}
	return &lnrpc.ChannelBackup{ChanPoint: newChannelPoint(point), ChanBackup: b}, nil
}

// VerifyChanBackup implements lnrpc.LightningServer.
func (c backupCalls) VerifyChanBackup(ctx context.Context, r *lnrpc.ChanBackupSnapshot) (*lnrpc.VerifyChanBackupResponse, error) {
	all, err := parseBackups(r.SingleChanBackups, r.MultiChanBackup.GetMultiChanBackup())
	if err != nil {
		return nil, err
	}
	resp := &lnrpc.VerifyChanBackupResponse{}
	for _, b := range all {
		points, err := c.b.Backups.VerifyBackup(ctx, b)
		if err != nil {
			return nil, invalid("invalid channel backup: %v", err)
		}
		for _, p := range points {
			resp.ChanPoints = append(resp.ChanPoints, p.String())
		}
	}
	return resp, nil
}

// parseBackups reads backups in the one form or the other.
func parseBackups(singles *lnrpc.ChannelBackups, multi []byte) (all [][]byte, err error) {
	for _, one := range singles.GetChanBackups() {
		all = append(all, one.GetChanBackup())
	}
	switch {
	case len(all) > 0 && len(multi) > 0:
		return nil, invalid("either single or multi backups may be given, but not both")
	case len(multi) > 0:
		return [][]byte{multi}, nil
	case len(all) == 0:
		return nil, invalid("no channel backup was given")
	case len(all) > MaxBackups:
		return nil, invalid("%d channel backups are more than %d", len(all), MaxBackups)
	}
	return all, nil
}

// RestoreChannelBackups implements lnrpc.LightningServer. All are looked at before any is restored.
func (c backupCalls) RestoreChannelBackups(ctx context.Context, r *lnrpc.RestoreChanBackupRequest) (*lnrpc.RestoreBackupResponse, error) {
	all, err := parseBackups(r.GetChanBackups(), r.GetMultiChanBackup())
	if err != nil {
		return nil, err
	}
	for _, b := range all {
		if _, err := c.b.Backups.VerifyBackup(ctx, b); err != nil {
			return nil, invalid("unable to unpack single backups: %v", err)
		}
	}
	resp := &lnrpc.RestoreBackupResponse{}
	for _, b := range all {
		n, err := c.b.Backups.RestoreBackup(ctx, b)
		if err != nil {
			return nil, err
		}
		resp.NumRestored += uint32(n)
	}
	return resp, nil
}

// SubscribeChannelBackups implements lnrpc.LightningServer.
func (c backupCalls) SubscribeChannelBackups(_ *lnrpc.ChannelBackupSubscription, stream lnrpc.Lightning_SubscribeChannelBackupsServer) error {
	q := newQueue[BackupSnapshot]()
	stop, err := c.b.Backups.SubscribeBackups(stream.Context(), q)
	if err != nil {
		return err
	}
	defer stop()
	return forward(c.streams, stream.Context(), q, func(s BackupSnapshot) (bool, error) { return false, stream.Send(newSnapshot(s)) })
}
