package store

import (
	"bytes"
	"fmt"

	"go.etcd.io/bbolt"
)

// Load returns a copy of the committed value of key, or nil where there is none. An empty value is not nil.
func (db *DB) Load(key []byte) (value []byte, err error) {
	err = db.bolt.View(func(tx *bbolt.Tx) error {
		if v := tx.Bucket(dataBucket).Get(key); v != nil {
			value = append([]byte{}, v...)
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("load: %w", err)
	}
	return value, nil
}

// Scan calls fn for each committed key that starts with prefix, in ascending order, until fn returns an
// error, which Scan returns as it is. The slices are valid only during the call.
func (db *DB) Scan(prefix []byte, fn func(k, v []byte) error) error {
	return db.Range(prefix, prefixEnd(prefix), false, fn)
}

// Range calls fn for each committed key in [from, to), ascending, or descending with reverse. A nil from is
// the first key and a nil to is past the last. The slices are valid only during the call.
func (db *DB) Range(from, to []byte, reverse bool, fn func(k, v []byte) error) error {
	return db.bolt.View(func(tx *bbolt.Tx) error {
		c := tx.Bucket(dataBucket).Cursor()
		if reverse {
			return descend(c, from, to, fn)
		}
		for k, v := c.Seek(from); k != nil && (to == nil || bytes.Compare(k, to) < 0); k, v = c.Next() {
			if err := fn(k, v); err != nil {
				return err
			}
		}
		return nil
	})
}

func descend(c *bbolt.Cursor, from, to []byte, fn func(k, v []byte) error) error {
	k, v := c.Last()
	if to != nil {
		if at, _ := c.Seek(to); at != nil {
			k, v = c.Prev()
		} else {
			k, v = c.Last() // every key is below to
		}
	}
	for ; k != nil && bytes.Compare(k, from) >= 0; k, v = c.Prev() {
		if err := fn(k, v); err != nil {
			return err
		}
	}
	return nil
}

// prefixEnd is the first key past all keys with the prefix, nil where there is none.
func prefixEnd(prefix []byte) []byte {
	for i := len(prefix) - 1; i >= 0; i-- {
		if prefix[i] != 0xff {
			end := bytes.Clone(prefix[:i+1])
			end[i]++
			return end
		}
	}
	return nil
}
