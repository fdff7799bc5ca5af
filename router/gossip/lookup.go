package gossip

import (
	"github.com/fulmen-ln/fulmen/lnwire"
)

// Loader is the part of graph.db that single records are read from.
type Loader interface {
	Load(key []byte) ([]byte, error)
}

// Announcement reads a channel's announcement; nil where there is none, or its record is damaged.
func Announcement(db Loader, scid lnwire.ShortChannelID) (*lnwire.ChannelAnnouncement, error) {
	v, err := db.Load(announcementKey(scid))
	if err != nil || v == nil {
		return nil, err
	}
	b, err := open(v)
	if err != nil || len(b) < channelHeader {
		return nil, nil // a sync brings it again
	}
	m, _ := decode[*lnwire.ChannelAnnouncement](b[channelHeader:])
	return m, nil
}

// IsZombie says whether the channel was dropped because nobody spoke of it any more.
func IsZombie(db Loader, scid lnwire.ShortChannelID) (bool, error) {
	v, err := db.Load(zombieKey(scid))
	return v != nil, err
}
