package node

import (
	"context"

	"github.com/btcsuite/btcd/wire/v2"

	"github.com/fulmen-ln/fulmen/channel"
	"github.com/fulmen-ln/fulmen/internal/mailbox"
	"github.com/fulmen-ln/fulmen/rpc"
)

// apiBackups implements rpc.Backups.
type apiBackups struct{ *api }

// ExportBackups makes a fresh backup of all channels, and one of each.
func (a apiBackups) ExportBackups(context.Context) (rpc.BackupSnapshot, error) {
	all := a.backups.collect()
	sealed, err := all.seal(a.custody.keys)
	if err != nil {
		return rpc.BackupSnapshot{}, err
	}
	s := rpc.BackupSnapshot{All: sealed}
	for _, c := range all.Channels {
		one, err := (&backup{Next: all.Next, Channels: []backedUp{c}}).seal(a.custody.keys)
		if err != nil {
			return rpc.BackupSnapshot{}, err
		}
		s.Singles = append(s.Singles, rpc.ChannelBackup{Point: c.Funding, Backup: one})
	}
	return s, nil
}

// ExportBackup makes the backup of one channel.
func (a apiBackups) ExportBackup(_ context.Context, point wire.OutPoint) ([]byte, error) {
	p, ok := a.book.funded(point)
	if !ok || p.Phase < channel.PhasePending {
		return nil, rpc.ErrChannelNotFound
	}
	addrs, err := a.addresses(p.Peer)
	if err != nil {
		return nil, err
	}
	return (&backup{Next: a.custody.upcoming(), Channels: []backedUp{newBackedUp(p, addrs)}}).seal(a.custody.keys)
}

// VerifyBackup opens a backup.
func (a apiBackups) VerifyBackup(_ context.Context, b []byte) (points []wire.OutPoint, err error) {
	content, err := openBackup(a.custody.keys, b)
	if err != nil {
		return nil, err
	}
	for _, c := range content.Channels {
		points = append(points, c.Funding)
	}
	return points, nil
}

// RestoreBackup answers when the shells are durable.
func (a apiBackups) RestoreBackup(_ context.Context, b []byte) (int, error) { return a.Recover(b) }

// SubscribeBackups makes a snapshot for each time that the file was written, on a goroutine of its own: several may be one.
func (a apiBackups) SubscribeBackups(ctx context.Context, s rpc.Sink[rpc.BackupSnapshot]) (func(), error) {
	box := mailbox.New[struct{}]()
	unsubscribe := a.backups.news.subscribe(sinkFunc[struct{}](func(struct{}) {
		if box.Len() == 0 {
			box.Put(struct{}{})
		}
	}))
	done := make(chan struct{})
	go func() {
		defer close(done)
		var news []struct{}
		for {
			<-box.Ready()
			var ok bool
			if news, ok = box.Take(news); !ok {
				return
			}
			snapshot, err := a.ExportBackups(ctx)
			if err != nil {
				s.Close(err)
				return
			}
			s.Send(snapshot)
		}
	}()
	return func() {
		unsubscribe()
		box.Close()
		<-done
	}, nil
}
