package rpc_test

import (
	"context"
	"errors"
	"net/http"
	"testing"

	"github.com/btcsuite/btcd/wire/v2"
	"github.com/stretchr/testify/require"
	"google.golang.org/grpc/codes"

	"github.com/fulmen-ln/fulmen/rpc"
	"github.com/fulmen-ln/fulmen/rpc/client"
	"github.com/fulmen-ln/fulmen/rpc/lnrpc"
)

// fakeBackups implements rpc.Backups: a good backup is the word.
type fakeBackups struct {
	restored    [][]byte
	subscribers mailbox[rpc.BackupSnapshot]
}

var snapshot = rpc.BackupSnapshot{All: []byte("good"), Singles: []rpc.ChannelBackup{{Point: wire.OutPoint{Index: 3}, Backup: []byte("good")}}}

func (b *fakeBackups) ExportBackups(context.Context) (rpc.BackupSnapshot, error) {
	return snapshot, nil
}

func (b *fakeBackups) ExportBackup(_ context.Context, point wire.OutPoint) ([]byte, error) {
	if point.Index != 3 {
		return nil, rpc.ErrChannelNotFound
	}
	return []byte("good"), nil
}

func (b *fakeBackups) VerifyBackup(_ context.Context, raw []byte) ([]wire.OutPoint, error) {
	if string(raw) != "good" {
		return nil, errors.New("bad")
	}
	return []wire.OutPoint{{Index: 3}}, nil
}

func (b *fakeBackups) RestoreBackup(_ context.Context, raw []byte) (int, error) {
	b.restored = append(b.restored, raw)
	return 1, nil
}

func (b *fakeBackups) SubscribeBackups(_ context.Context, s rpc.Sink[rpc.BackupSnapshot]) (func(), error) {
	return b.subscribers.add(s), nil
}

func TestBackupsAreExportedVerifiedAndRestored(t *testing.T) {
	f := running(t)
	c := f.dial(client.Admin).Lightning
	all, err := c.ExportAllChannelBackups(f.ctx, &lnrpc.ChanBackupExportRequest{})
	require.NoError(t, err)
	require.Equal(t, []byte("good"), all.MultiChanBackup.MultiChanBackup)
	require.EqualValues(t, 3, all.MultiChanBackup.ChanPoints[0].OutputIndex)
	one, err := c.ExportChannelBackup(f.ctx, &lnrpc.ExportChannelBackupRequest{ChanPoint: all.SingleChanBackups.ChanBackups[0].ChanPoint})
	require.NoError(t, err)
	require.Equal(t, []byte("good"), one.ChanBackup)
	code, body := f.rest(client.ReadOnly).json("GET", "/v1/channels/backup", "")
	require.Equal(t, http.StatusOK, code)
	require.Contains(t, body, "multi_chan_backup")

	v, err := c.VerifyChanBackup(f.ctx, &lnrpc.ChanBackupSnapshot{MultiChanBackup: all.MultiChanBackup})
	require.NoError(t, err)
	require.Equal(t, []string{wire.OutPoint{Index: 3}.String()}, v.ChanPoints)
	_, err = c.VerifyChanBackup(f.ctx, all)
	refused(t, err, codes.Unknown, "not both")
	_, err = c.VerifyChanBackup(f.ctx, &lnrpc.ChanBackupSnapshot{})
	refused(t, err, codes.Unknown, "no channel backup")
	bad := &lnrpc.ChannelBackups{ChanBackups: []*lnrpc.ChannelBackup{{ChanBackup: []byte("good")}, {ChanBackup: []byte("bad")}}}
	_, err = c.RestoreChannelBackups(f.ctx, &lnrpc.RestoreChanBackupRequest{Backup: &lnrpc.RestoreChanBackupRequest_ChanBackups{ChanBackups: bad}})
	refused(t, err, codes.Unknown, "unable to unpack single backups")
	require.Empty(t, f.node.backups.restored, "one bad, and none is restored")
	r, err := c.RestoreChannelBackups(f.ctx, &lnrpc.RestoreChanBackupRequest{Backup: &lnrpc.RestoreChanBackupRequest_MultiChanBackup{MultiChanBackup: []byte("good")}})
	require.NoError(t, err)
	require.EqualValues(t, 1, r.NumRestored)
	many := &lnrpc.ChannelBackups{}
	for range rpc.MaxBackups + 1 {
		many.ChanBackups = append(many.ChanBackups, &lnrpc.ChannelBackup{ChanBackup: []byte("good")})
	}
	_, err = c.VerifyChanBackup(f.ctx, &lnrpc.ChanBackupSnapshot{SingleChanBackups: many})
	refused(t, err, codes.Unknown, "are more than 10000")
	many.ChanBackups = many.ChanBackups[1:]
	_, err = c.VerifyChanBackup(f.ctx, &lnrpc.ChanBackupSnapshot{SingleChanBackups: many})
	require.NoError(t, err)
}

func TestBackupSubscriptionSendsSnapshots(t *testing.T) {
	f := running(t)
	s, err := f.dial(client.ReadOnly).Lightning.SubscribeChannelBackups(f.ctx, &lnrpc.ChannelBackupSubscription{})
	require.NoError(t, err)
	<-f.node.backups.subscribers.came
	f.node.backups.subscribers.send(snapshot)
	got, err := s.Recv()
	require.NoError(t, err)
	require.Equal(t, []byte("good"), got.MultiChanBackup.MultiChanBackup)
}
