package curve

import (
	"encoding/binary"
	"math/bits"
)

// fieldC is 2²⁵⁶ - p: what a carry out of the top limb is worth.
const fieldC = 1<<32 + 977

// element is a number modulo the field prime p = 2²⁵⁶ - fieldC, in four limbs, lowest first. Any value below 2²⁵⁶ may
// stand for its residue: every operation takes such values and returns one, so that there are no magnitudes to keep
// account of. Only isZero, equal, isOdd and bytes look at the residue itself. No operation branches on values.
type element [4]uint64

// elementOf reads 32 bytes, big-endian.
func elementOf(b *[32]byte) element {
	return element{
		binary.BigEndian.Uint64(b[24:]), binary.BigEndian.Uint64(b[16:]),
		binary.BigEndian.Uint64(b[8:]), binary.BigEndian.Uint64(b[0:]),
	}
}

// bytes is the residue, big-endian.
func (x *element) bytes() (b [32]byte) {
	r := x.reduced()
	binary.BigEndian.PutUint64(b[24:], r[0])
	binary.BigEndian.PutUint64(b[16:], r[1])
	binary.BigEndian.PutUint64(b[8:], r[2])
	binary.BigEndian.PutUint64(b[0:], r[3])
	return b
}

// reduced is the residue below p: x + fieldC carries exactly where x ≥ p.
func (x *element) reduced() element {
	var t element
	var c uint64
	t[0], c = bits.Add64(x[0], fieldC, 0)
	t[1], c = bits.Add64(x[1], 0, c)
	t[2], c = bits.Add64(x[2], 0, c)
	t[3], c = bits.Add64(x[3], 0, c)
	out := *x
	out.move(-c, &t)
	return out
}

// inRange says whether x is below p.
func (x *element) inRange() bool {
	_, c := bits.Add64(x[0], fieldC, 0)
	_, c = bits.Add64(x[1], 0, c)
	_, c = bits.Add64(x[2], 0, c)
	_, c = bits.Add64(x[3], 0, c)
	return c == 0
}

func (x *element) isZero() bool {
	r := x.reduced()
	return r[0]|r[1]|r[2]|r[3] == 0
}

func (x *element) equal(y *element) bool {
	var d element
	d.sub(x, y)
	return d.isZero()
}

func (x *element) isOdd() bool {
	r := x.reduced()
	return r[0]&1 == 1
}

// move sets x to y where mask is all ones, and leaves it where mask is zero.
func (x *element) move(mask uint64, y *element) {
	x[0] ^= mask & (x[0] ^ y[0])
	x[1] ^= mask & (x[1] ^ y[1])
	x[2] ^= mask & (x[2] ^ y[2])
	x[3] ^= mask & (x[3] ^ y[3])
}

// add sets z = x + y. Each carry is folded; the second leaves a number so small that the third cannot be.
func (z *element) add(x, y *element) {
	t0, c := bits.Add64(x[0], y[0], 0)
	t1, c := bits.Add64(x[1], y[1], c)
	t2, c := bits.Add64(x[2], y[2], c)
	t3, c := bits.Add64(x[3], y[3], c)
	t0, c = bits.Add64(t0, -c&fieldC, 0)
	t1, c = bits.Add64(t1, 0, c)
	t2, c = bits.Add64(t2, 0, c)
	t3, c = bits.Add64(t3, 0, c)
	z[0], z[1], z[2], z[3] = t0+-c&fieldC, t1, t2, t3
}

// sub sets z = x - y, folding the borrows likewise.
func (z *element) sub(x, y *element) {
	t0, b := bits.Sub64(x[0], y[0], 0)
	t1, b := bits.Sub64(x[1], y[1], b)
	t2, b := bits.Sub64(x[2], y[2], b)
	t3, b := bits.Sub64(x[3], y[3], b)
	t0, b = bits.Sub64(t0, -b&fieldC, 0)
	t1, b = bits.Sub64(t1, 0, b)
	t2, b = bits.Sub64(t2, 0, b)
	t3, b = bits.Sub64(t3, 0, b)
	z[0], z[1], z[2], z[3] = t0-(-b&fieldC), t1, t2, t3
}

// neg sets z = -x.
func (z *element) neg(x *element) { z.sub(&element{}, x) }

// half sets z = x / 2: an odd number is made even by adding p.
func (z *element) half(x *element) {
	odd := -(x[0] & 1)
	t0, c := bits.Add64(x[0], odd&(1<<64-fieldC), 0)
	t1, c := bits.Add64(x[1], odd, c)
	t2, c := bits.Add64(x[2], odd, c)
	t3, c := bits.Add64(x[3], odd, c)
	z[0], z[1], z[2], z[3] = t0>>1|t1<<63, t1>>1|t2<<63, t2>>1|t3<<63, t3>>1|c<<63
}

// mul sets z = x · y.
func (z *element) mul(x, y *element) {
	y0, y1, y2, y3 := y[0], y[1], y[2], y[3]
	var c uint64

	a := x[0]
	h0, t0 := bits.Mul64(a, y0)
	h1, l1 := bits.Mul64(a, y1)
	h2, l2 := bits.Mul64(a, y2)
	h3, l3 := bits.Mul64(a, y3)
	t1, c := bits.Add64(l1, h0, 0)
	t2, c := bits.Add64(l2, h1, c)
	t3, c := bits.Add64(l3, h2, c)
	t4 := h3 + c

	a = x[1]
	h0, l0 := bits.Mul64(a, y0)
	h1, l1 = bits.Mul64(a, y1)
	h2, l2 = bits.Mul64(a, y2)
	h3, l3 = bits.Mul64(a, y3)
	t1, c = bits.Add64(t1, l0, 0)
	t2, c = bits.Add64(t2, l1, c)
	t3, c = bits.Add64(t3, l2, c)
	t4, c = bits.Add64(t4, l3, c)
	t5 := h3 + c
	t2, c = bits.Add64(t2, h0, 0)
	t3, c = bits.Add64(t3, h1, c)
	t4, c = bits.Add64(t4, h2, c)
	t5 += c

	a = x[2]
	h0, l0 = bits.Mul64(a, y0)
	h1, l1 = bits.Mul64(a, y1)
	h2, l2 = bits.Mul64(a, y2)
	h3, l3 = bits.Mul64(a, y3)
	t2, c = bits.Add64(t2, l0, 0)
	t3, c = bits.Add64(t3, l1, c)
	t4, c = bits.Add64(t4, l2, c)
	t5, c = bits.Add64(t5, l3, c)
	t6 := h3 + c
	t3, c = bits.Add64(t3, h0, 0)
	t4, c = bits.Add64(t4, h1, c)
	t5, c = bits.Add64(t5, h2, c)
	t6 += c

	a = x[3]
	h0, l0 = bits.Mul64(a, y0)
	h1, l1 = bits.Mul64(a, y1)
	h2, l2 = bits.Mul64(a, y2)
	h3, l3 = bits.Mul64(a, y3)
	t3, c = bits.Add64(t3, l0, 0)
	t4, c = bits.Add64(t4, l1, c)
	t5, c = bits.Add64(t5, l2, c)
	t6, c = bits.Add64(t6, l3, c)
	t7 := h3 + c
	t4, c = bits.Add64(t4, h0, 0)
	t5, c = bits.Add64(t5, h1, c)
	t6, c = bits.Add64(t6, h2, c)
	t7 += c

	z.fold(t0, t1, t2, t3, t4, t5, t6, t7)
}

// square sets z = x², with the mixed products computed once.
func (z *element) square(x *element) {
	x0, x1, x2, x3 := x[0], x[1], x[2], x[3]
	var c uint64

	h01, t1 := bits.Mul64(x0, x1)
	h02, l02 := bits.Mul64(x0, x2)
	h03, l03 := bits.Mul64(x0, x3)
	h12, l12 := bits.Mul64(x1, x2)
	h13, l13 := bits.Mul64(x1, x3)
	h23, l23 := bits.Mul64(x2, x3)
	t2, c := bits.Add64(l02, h01, 0)
	t3, c := bits.Add64(l03, h02, c)
	t4, c := bits.Add64(l13, h03, c)
	t5, c := bits.Add64(l23, h13, c)
	t6 := h23 + c
	t3, c = bits.Add64(t3, l12, 0)
	t4, c = bits.Add64(t4, h12, c)
	t5, c = bits.Add64(t5, 0, c)
	t6 += c

	t7 := t6 >> 63
	t6 = t6<<1 | t5>>63
	t5 = t5<<1 | t4>>63
	t4 = t4<<1 | t3>>63
	t3 = t3<<1 | t2>>63
	t2 = t2<<1 | t1>>63
	t1 <<= 1

	h0, t0 := bits.Mul64(x0, x0)
	h1, l1 := bits.Mul64(x1, x1)
	h2, l2 := bits.Mul64(x2, x2)
	h3, l3 := bits.Mul64(x3, x3)
	t1, c = bits.Add64(t1, h0, 0)
	t2, c = bits.Add64(t2, l1, c)
	t3, c = bits.Add64(t3, h1, c)
	t4, c = bits.Add64(t4, l2, c)
	t5, c = bits.Add64(t5, h2, c)
	t6, c = bits.Add64(t6, l3, c)
	t7, _ = bits.Add64(t7, h3, c)

	z.fold(t0, t1, t2, t3, t4, t5, t6, t7)
}

// fold sets z to a number of eight limbs: the upper four count fieldC each, what that carries counts fieldC once more,
// and so does a last carry, after which the number is below 2⁶⁸·fieldC.
func (z *element) fold(t0, t1, t2, t3, t4, t5, t6, t7 uint64) {
	h0, l0 := bits.Mul64(t4, fieldC)
	h1, l1 := bits.Mul64(t5, fieldC)
	h2, l2 := bits.Mul64(t6, fieldC)
	h3, l3 := bits.Mul64(t7, fieldC)
	l1, c := bits.Add64(l1, h0, 0)
	l2, c = bits.Add64(l2, h1, c)
	l3, c = bits.Add64(l3, h2, c)
	top := h3 + c
	t0, c = bits.Add64(t0, l0, 0)
	t1, c = bits.Add64(t1, l1, c)
	t2, c = bits.Add64(t2, l2, c)
	t3, c = bits.Add64(t3, l3, c)
	top += c

	h0, l0 = bits.Mul64(top, fieldC)
	t0, c = bits.Add64(t0, l0, 0)
	t1, c = bits.Add64(t1, h0, c)
	t2, c = bits.Add64(t2, 0, c)
	t3, c = bits.Add64(t3, 0, c)
	t0, c = bits.Add64(t0, -c&fieldC, 0)
	z[0], z[1], z[2], z[3] = t0, t1+c, t2, t3
}

// squares squares n times.
func (z *element) squares(x *element, n int) {
	z.square(x)
	for range n - 1 {
		z.square(z)
	}
}

// runs returns x to the powers 2ⁿ-1 for n = 2, 22 and 223: p-2 and (p+1)/4 are made of such runs of ones.
func (x *element) runs() (x2, x22, x223 element) {
	var x3, x6, x9, x11, x44, x88, x176, x220, t element
	t.square(x)
	x2.mul(&t, x)
	t.square(&x2)
	x3.mul(&t, x)
	t.squares(&x3, 3)
	x6.mul(&t, &x3)
	t.squares(&x6, 3)
	x9.mul(&t, &x3)
	t.squares(&x9, 2)
	x11.mul(&t, &x2)
	t.squares(&x11, 11)
	x22.mul(&t, &x11)
	t.squares(&x22, 22)
	x44.mul(&t, &x22)
	t.squares(&x44, 44)
	x88.mul(&t, &x44)
	t.squares(&x88, 88)
	x176.mul(&t, &x88)
	t.squares(&x176, 44)
	x220.mul(&t, &x44)
	t.squares(&x220, 3)
	x223.mul(&t, &x3)
	return x2, x22, x223
}

// inverse sets z = 1/x as x^(p-2); zero becomes zero.
func (z *element) inverse(x *element) {
	x2, x22, t := x.runs()
	t.squares(&t, 23)
	t.mul(&t, &x22)
	t.squares(&t, 5)
	t.mul(&t, x)
	t.squares(&t, 3)
	t.mul(&t, &x2)
	t.squares(&t, 2)
	z.mul(&t, x)
}

// root sets z to a square root of x as x^((p+1)/4), or returns false where there is none.
func (z *element) root(x *element) bool {
	x2, x22, t := x.runs()
	t.squares(&t, 23)
	t.mul(&t, &x22)
	t.squares(&t, 6)
	t.mul(&t, &x2)
	t.squares(&t, 2)
	var check element
	check.square(&t)
	ok := check.equal(x)
	*z = t
	return ok
}
