package mailbox

import (
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestTakeGivesEverythingInOrderOnce(t *testing.T) {
	b := New[int]()
	for i := range 5 {
		require.True(t, b.Put(i))
	}
	<-b.Ready()
	got, ok := b.Take(nil)
	require.True(t, ok)
	require.Equal(t, []int{0, 1, 2, 3, 4}, got)
	got, ok = b.Take(got)
	require.True(t, ok)
	require.Empty(t, got)
}

func TestClosedBoxIsDrainedThenRefuses(t *testing.T) {
	b := New[int]()
	b.Put(1)
	b.Close()
	b.Close()
	require.False(t, b.Put(2))
	got, ok := b.Take(nil)
	require.True(t, ok)
	require.Equal(t, []int{1}, got)
	_, ok = b.Take(nil)
	require.False(t, ok)
}

func TestWeighedWriterWaitsForRoomAndIsFreedByClose(t *testing.T) {
	b := New[int]()
	require.True(t, b.PutWeighed(0, 10, 10))
	var wg sync.WaitGroup
	wg.Go(func() { require.True(t, b.PutWeighed(1, 10, 10)) })
	var got []int
	for len(got) < 2 {
		<-b.Ready()
		more, _ := b.Take(nil)
		got = append(got, more...)
	}
	require.Equal(t, []int{0, 1}, got)
	require.True(t, b.PutWeighed(3, 10, 10))
	wg.Go(func() { require.False(t, b.PutWeighed(2, 1, 10)) })
	b.Close()
	wg.Wait()
}

func TestWorkersDoEverythingBeforeTheyEnd(t *testing.T) {
	b := New[int]()
	var mu sync.Mutex
	sum := 0
	var wg sync.WaitGroup
	b.Work(&wg, 3, func(i int) {
		mu.Lock()
		defer mu.Unlock()
		sum += i
	})
	for i := 1; i <= 100; i++ {
		b.Put(i)
	}
	b.Close()
	wg.Wait()
	require.Equal(t, 5050, sum)
}
