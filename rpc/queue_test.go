package rpc

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

func collect(q *queue[int]) (got []int, err error) {
	err = q.each(context.Background(), func(v int) (bool, error) {
		got = append(got, v)
		return false, nil
	})
	return got, err
}

func TestQueueKeepsOrderAndEndsWithTheReasonOfItsClosing(t *testing.T) {
	q := newQueue[int]()
	q.Send(1)
	q.Send(2)
	q.Close(errors.New("gone"))
	q.Send(3) // dropped
	q.Close(nil)
	got, err := collect(q)
	require.EqualError(t, err, "gone")
	require.Equal(t, []int{1, 2}, got)
}

func TestQueueTakesItsMaximumAndEndsAtOnePastIt(t *testing.T) {
	q := newQueue[int]()
	for i := range MaxQueued {
		q.Send(i)
	}
	items, closed, err := q.take()
	require.NoError(t, err)
	require.False(t, closed)
	require.Len(t, items, MaxQueued)

	for i := range MaxQueued + 1 {
		q.Send(i)
	}
	_, ok := <-q.overflow
	require.False(t, ok)
	got, err := collect(q)
	require.Empty(t, got)
	require.Equal(t, codes.ResourceExhausted, status.Code(err))
}

func TestQueueReaderWakesForEveryUpdateAndLeavesWithItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := newQueue[int]()
		ctx, cancel := context.WithCancel(context.Background())
		var got []int
		done := make(chan error)
		go func() {
			done <- q.each(ctx, func(v int) (bool, error) {
				got = append(got, v)
				return false, nil
			})
		}()
		for i := range 3 {
			synctest.Wait() // the reader sleeps
			q.Send(i)
		}
		synctest.Wait()
		require.Equal(t, []int{0, 1, 2}, got)
		cancel()
		require.ErrorIs(t, <-done, context.Canceled)
	})
}
