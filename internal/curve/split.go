package curve

import (
	"encoding/hex"
	"math/bits"
)

// The curve has a map that costs one field multiplication: λ·(x, y) = (β·x, y). With it a scalar k is k₁ + λ·k₂ with parts of
// half the length, and the doublings of a multiplication are halved (Gallant, Lambert, Vanstone).
var (
	beta     = element{0xc1396c28719501ee, 0x9cf0497512f58995, 0x6e64479eac3434e9, 0x7ae96a2b657c0710}
	minusλ   = scalarOf("ac9c52b33fa3cf1f5ad9e3fd77ed9ba4a880b9fc8ec739c2e0cfc810b51283cf")
	minusB1  = scalarOf("00000000000000000000000000000000e4437ed6010e88286f547fa90abfe4c3")
	minusB2  = scalarOf("fffffffffffffffffffffffffffffffe8a280ac50774346dd765cda83db1562c")
	estimate = [2][4]uint64{ // of k·b₂/n and k·(-b₁)/n, times 2³⁸⁴
		{0xe893209a45dbb031, 0x3daa8a1471e8ca7f, 0xe86c90e49284eb15, 0x3086d221a7d46bcd},
		{0x1571b4ae8ac47f71, 0x221208ac9df506c6, 0x6f547fa90abfe4c4, 0xe4437ed6010e8828},
	}
)

func scalarOf(s string) *Scalar {
	b, err := hex.DecodeString(s)
	if err != nil {
		panic(err)
	}
	k := new(Scalar)
	k.SetByteSlice(b)
	return k
}

// short is a number of 128 bits, with minus all ones where it counts negative.
type short struct {
	lo, hi uint64
	minus  uint64
}

// split returns k₁ and k₂ without branches.
func split(k *Scalar) [2]short {
	b := k.Bytes()
	limbs := [4]uint64(elementOf(&b))
	c1, c2 := rounded(&limbs, &estimate[0]), rounded(&limbs, &estimate[1])
	c1.Mul(minusB1)
	c2.Mul(minusB2)
	c1.Add(&c2)
	var k1 Scalar
	k1.Mul2(&c1, minusλ)
	k1.Add(k)
	return [2]short{shortOf(&k1), shortOf(&c1)}
}

// rounded is k·g / 2³⁸⁴, rounded to the nearest.
func rounded(k, g *[4]uint64) Scalar {
	var t [8]uint64
	for i := range 4 {
		var carry uint64
		for j := range 4 {
			h, l := bits.Mul64(k[i], g[j])
			l, c := bits.Add64(l, carry, 0)
			h += c
			t[i+j], c = bits.Add64(t[i+j], l, 0)
			carry = h + c
		}
		t[i+4] = carry
	}
	lo, c := bits.Add64(t[6], t[5]>>63, 0)
	q := element{lo, t[7] + c}
	b := q.bytes()
	var out Scalar
	out.SetBytes(&b)
	return out
}

// shortOf reads a scalar that is below 2¹²⁸ or that much below the order.
func shortOf(k *Scalar) short {
	var minus Scalar
	minus.NegateVal(k)
	b, mb := k.Bytes(), minus.Bytes()
	x, y := elementOf(&b), elementOf(&mb)
	mask := -(x[3] >> 63)
	x.move(mask, &y)
	return short{x[0], x[1], mask}
}

// digit is the i-th of 32 odd digits, -15 to 15, whose sum of d·16ⁱ is s|1: as the place j of |d| = 2j+1, and a mask that is all
// ones for a negative one. With v the five bits from 4i on, the lowest set, the digit is v - 16; the bit above is thereby
// counted to the next digit, as its lowest.
func (s *short) digit(i int) (place, minus uint64) {
	var v uint64
	switch {
	case i < 15:
		v = s.lo >> (4 * i)
	case i == 15:
		v = s.lo>>60 | s.hi<<4
	default:
		v = s.hi >> (4*i - 64)
	}
	return oddDigit(v, i == 31)
}

// oddDigit is digit for the five bits v; the last digit has no bit above and is positive.
func oddDigit(v uint64, last bool) (place, minus uint64) {
	v &= 31
	if last {
		v |= 16
	}
	// v's bits are bit 4 for the sign, bits 3 to 1 for the place: |v-16| is v-16 or, bits turned, 16-v.
	minus = (v >> 4) - 1
	return (v>>1 ^ minus) & 7, minus
}

// sparse is the width-5 non-adjacent form: odd digits below 16 in absolute value, each followed by four zeros at least. It
// branches on s. The length is that of what is used.
func (s *short) sparse() (digits [130]int8, length int) {
	lo, hi, top := s.lo, s.hi, uint64(0)
	for i := 0; lo|hi|top != 0; i++ {
		if lo&1 == 1 {
			d := int64(lo & 31)
			if d >= 16 {
				d -= 32
			}
			var b uint64
			if d > 0 {
				lo, b = bits.Sub64(lo, uint64(d), 0)
				hi, b = bits.Sub64(hi, 0, b)
				top -= b
			} else {
				lo, b = bits.Add64(lo, uint64(-d), 0)
				hi, b = bits.Add64(hi, 0, b)
				top += b
			}
			if s.minus != 0 {
				d = -d
			}
			digits[i] = int8(d)
			length = i + 1
		}
		lo, hi, top = lo>>1|hi<<63, hi>>1|top<<63, top>>1
	}
	return digits, length
}
