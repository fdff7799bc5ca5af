package curve

// multiplyBase sets p = k·G without branches or addresses that depend on k: for secret scalars. Zero gives infinity.
//
// An odd k is written with 64 odd digits, so that something is added for each; an even one is replaced by n - k. The sum so far
// is below the summand's weight, so that the two are never equal or opposite (the last step could be, for one scalar in 2¹²³).
func multiplyBase(p *jacobian, k *Scalar) {
	table := base()
	b := k.Bytes()
	var minus Scalar
	minus.NegateVal(k)
	mb := minus.Bytes()
	limbs, other := elementOf(&b), elementOf(&mb)
	even := limbs[0]&1 - 1
	limbs.move(even, &other)
	for i := range oddWindows {
		v := limbs[0] | 1
		limbs[0] = limbs[0]>>4 | limbs[1]<<60
		limbs[1] = limbs[1]>>4 | limbs[2]<<60
		limbs[2] = limbs[2]>>4 | limbs[3]<<60
		limbs[3] >>= 4
		place, negative := oddDigit(v, i == oddWindows-1)
		q := table.odds[i].pick(place)
		q.negate(negative)
		if i == 0 {
			*p = q.jacobian()
		} else {
			p.join(p, &q)
		}
	}
	var y element
	y.neg(&p.y)
	p.y.move(even, &y)
	var nothing element
	nonzero := b[0]
	for _, x := range b[1:] {
		nonzero |= x
	}
	p.z.move(-((uint64(nonzero) - 1) >> 63), &nothing)
}

// addBaseFast adds k·G to p, branching on k: for scalars that are public.
func addBaseFast(p *jacobian, k *Scalar) {
	table := base()
	b := k.Bytes()
	for i := range byteWindows {
		if d := b[31-i]; d != 0 {
			p.add(p, &table.bytes[i][d-1])
		}
	}
}

// multiply sets p = k·q without branches or addresses that depend on k, for secret scalars. k is not zero.
//
// Both halves of k are made odd and written with 32 odd digits; what that added is subtracted again. No sum is equal or
// opposite to what is added to it, since as combinations of q and λ·q both are short and differ.
func multiply(p *jacobian, k *Scalar, q *affine) {
	halves := split(k)
	table, z := oddMultiples(q)
	var tables [2]odds
	tables[0] = table
	for i := range table {
		tables[1][i].x.mul(&table[i].x, &beta)
		tables[1][i].y = table[i].y
	}
	for i := 31; i >= 0; i-- {
		for half := range halves {
			place, minus := halves[half].digit(i)
			r := tables[half].pick(place)
			r.negate(minus ^ halves[half].minus)
			if i == 31 && half == 0 {
				*p = r.jacobian()
			} else {
				p.join(p, &r)
			}
		}
		if i > 0 {
			p.double(p)
			p.double(p)
			p.double(p)
			p.double(p)
		}
	}
	for half := range halves {
		r := tables[half][0]
		r.negate(^halves[half].minus)
		var less jacobian
		less.join(p, &r)
		p.move(halves[half].lo&1-1, &less)
	}
	p.z.mul(&p.z, &z)
}

// move sets p to q where mask is all ones.
func (p *jacobian) move(mask uint64, q *jacobian) {
	p.x.move(mask, &q.x)
	p.y.move(mask, &q.y)
	p.z.move(mask, &q.z)
}

// multiplyFast sets p = k·q, branching on k and q: for scalars that are public.
func multiplyFast(p *jacobian, k *Scalar, q *affine) {
	halves := split(k)
	table, z := oddMultiples(q)
	first, n := halves[0].sparse()
	second, m := halves[1].sparse()
	*p = jacobian{x: one, y: one}
	for i := max(n, m) - 1; i >= 0; i-- {
		p.double(p)
		if d := first[i]; d != 0 {
			r := table.signed(d)
			p.add(p, &r)
		}
		if d := second[i]; d != 0 {
			r := table.signed(d)
			r.x.mul(&r.x, &beta)
			p.add(p, &r)
		}
	}
	p.z.mul(&p.z, &z)
}

// signed is d times the point, for an odd d.
func (t *odds) signed(d int8) affine {
	if d > 0 {
		return t[d/2]
	}
	p := t[-d/2]
	p.y.neg(&p.y)
	return p
}
