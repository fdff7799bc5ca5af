package gossip

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestPoolForgetsItsOlderHalf(t *testing.T) {
	p := newPool[int, string](10)
	for i := range 10 {
		p.put(i, "x")
	}
	require.Equal(t, 10, p.len())
	require.True(t, p.has(0))
	p.put(10, "one past")
	require.Equal(t, 6, p.len())
	require.False(t, p.has(4))
	require.True(t, p.has(5))
	p.put(5, "again")
	v, ok := p.take(5)
	require.True(t, ok)
	require.Equal(t, "again", v)
	require.False(t, p.has(5))
	require.Len(t, p.keys(), p.len())
}

func TestBucketRegainsRoomWithTime(t *testing.T) {
	var b bucket
	for range 10 {
		require.True(t, b.take(1000, 1, 10, 0.5))
	}
	require.False(t, b.take(1000, 1, 10, 0.5))
	require.False(t, b.take(1001, 1, 10, 0.5))
	require.True(t, b.take(1002, 1, 10, 0.5))
	require.False(t, b.take(1002, 1, 10, 0.5))
	require.True(t, b.take(1_000_000, 10, 10, 0.5))
	require.False(t, b.take(1_000_000, 1, 10, 0.5))
	require.False(t, b.take(5, 1, 10, 0.5), "a clock that goes back gives nothing")
}

func TestRelayLogDropsItsOlderHalf(t *testing.T) {
	l := relayLog{unflushed: map[relayKey]struct{}{}}
	for i := range MaxLog {
		l.add(relayKey{kind: relayUpdate, scid: 1 << 40, node: [33]byte{byte(i), byte(i >> 8), byte(i >> 16)}}, [33]byte{})
	}
	require.Len(t, l.entries, MaxLog)
	require.Zero(t, l.first)
	l.add(relayKey{kind: relayNode}, [33]byte{})
	require.Len(t, l.entries, MaxLog/2+1)
	require.EqualValues(t, MaxLog/2, l.first)
	l.add(relayKey{kind: relayNode}, [33]byte{})
	require.EqualValues(t, MaxLog+1, l.end(), "what waits already is not added again")
}
