package curve

import "github.com/btcsuite/btcd/btcec/v2"

// affine is a point of y² = x³ + 7 other than infinity.
type affine struct{ x, y element }

// jacobian is the point (x/z², y/z³); z = 0 is infinity.
type jacobian struct{ x, y, z element }

// one is the element 1.
var one = element{1}

// generator is G (SEC 2, 2.4.1).
var generator = affine{
	x: element{0x59f2815b16f81798, 0x029bfcdb2dce28d9, 0x55a06295ce870b07, 0x79be667ef9dcbbac},
	y: element{0x9c47d08ffb10d4b8, 0xfd17b448a6855419, 0x5da4fbfc0e1108a8, 0x483ada7726a3c465},
}

// affineOf reads a key.
func affineOf(k *PublicKey) affine {
	var p btcec.JacobianPoint
	k.AsJacobian(&p)
	return affine{elementOf(p.X.Bytes()), elementOf(p.Y.Bytes())}
}

// key makes a key of a point.
func (p *affine) key() *PublicKey {
	var x, y btcec.FieldVal
	b := p.x.bytes()
	x.SetBytes(&b)
	b = p.y.bytes()
	y.SetBytes(&b)
	return btcec.NewPublicKey(&x, &y)
}

func (p *affine) jacobian() jacobian { return jacobian{p.x, p.y, one} }

// negate sets p to -p where mask is all ones.
func (p *affine) negate(mask uint64) {
	var minus element
	minus.neg(&p.y)
	p.y.move(mask, &minus)
}

// move sets p to q where mask is all ones.
func (p *affine) move(mask uint64, q *affine) {
	p.x.move(mask, &q.x)
	p.y.move(mask, &q.y)
}

func (p *jacobian) infinite() bool { return p.z.isZero() }

// affine divides; false for infinity.
func (p *jacobian) affine() (affine, bool) {
	var inverse element
	inverse.inverse(&p.z)
	return p.scaled(&inverse), !p.infinite()
}

// scaled is the affine point, given 1/z.
func (p *jacobian) scaled(inverse *element) (a affine) {
	var square, cube element
	square.square(inverse)
	cube.mul(&square, inverse)
	a.x.mul(&p.x, &square)
	a.y.mul(&p.y, &cube)
	return a
}

// normalize writes the affine points of those in from, none of them infinity, with a single inversion (Montgomery's trick).
func normalize(to []affine, from []jacobian) {
	if len(from) == 0 {
		return
	}
	products := make([]element, len(from)) // of the z up to and including one's own
	products[0] = from[0].z
	for i := 1; i < len(from); i++ {
		products[i].mul(&products[i-1], &from[i].z)
	}
	var rest, inverse element
	rest.inverse(&products[len(from)-1])
	for i := len(from) - 1; i > 0; i-- {
		inverse.mul(&rest, &products[i-1])
		rest.mul(&rest, &from[i].z)
		to[i] = from[i].scaled(&inverse)
	}
	to[0] = from[0].scaled(&rest)
}

// double sets p = 2q. No point has y = 0, and infinity stays so. 3 multiplications and 4 squarings.
func (p *jacobian) double(q *jacobian) {
	var l, s, t, x, y element
	l.square(&q.x) // l = 3/2·x²
	s.add(&l, &l)
	l.add(&l, &s)
	l.half(&l)
	s.square(&q.y)
	t.mul(&q.x, &s) // t = x·y²
	p.z.mul(&q.y, &q.z)
	x.square(&l) // x = l² - 2t
	x.sub(&x, &t)
	x.sub(&x, &t)
	y.sub(&t, &x) // y = l(t - x) - y⁴
	y.mul(&y, &l)
	s.square(&s)
	p.y.sub(&y, &s)
	p.x = x
}

// join sets p = q + r for points with different x, which is for the caller to know: no branches. 8 multiplications and 3
// squarings. The ratio is that of p's z to q's.
func (p *jacobian) join(q *jacobian, r *affine) (ratio element) {
	var zz, h, i element
	zz.square(&q.z)
	h.mul(&r.x, &zz)
	zz.mul(&zz, &q.z)
	i.mul(&r.y, &zz)
	h.sub(&h, &q.x)
	i.sub(&i, &q.y)
	p.finish(q, &h, &i)
	return h
}

// finish is the rest of join, once h and i, the differences of x and y, are known.
func (p *jacobian) finish(q *jacobian, h, i *element) {
	var hh, hhh, t, x, y element
	hh.square(h)
	hhh.mul(&hh, h)
	t.mul(&q.x, &hh)
	p.z.mul(&q.z, h)
	x.square(i)
	x.sub(&x, &hhh)
	x.sub(&x, &t)
	x.sub(&x, &t)
	y.sub(&t, &x)
	y.mul(&y, i)
	hhh.mul(&hhh, &q.y)
	p.y.sub(&y, &hhh)
	p.x = x
}

// add sets p = q + r for any points; it branches on them.
func (p *jacobian) add(q *jacobian, r *affine) {
	if q.infinite() {
		*p = r.jacobian()
		return
	}
	var zz, h, i element
	zz.square(&q.z)
	h.mul(&r.x, &zz)
	zz.mul(&zz, &q.z)
	i.mul(&r.y, &zz)
	h.sub(&h, &q.x)
	i.sub(&i, &q.y)
	switch {
	case !h.isZero():
		p.finish(q, &h, &i)
	case i.isZero():
		p.double(q)
	default:
		*p = jacobian{x: one, y: one}
	}
}

// addJacobian sets p = q + r for any points; it branches on them. 12 multiplications and 4 squarings.
func (p *jacobian) addJacobian(q, r *jacobian) {
	switch {
	case q.infinite():
		*p = *r
		return
	case r.infinite():
		*p = *q
		return
	}
	// q on the curve that r's z scales to: there r is affine.
	var rr, rrr element
	rr.square(&r.z)
	rrr.mul(&rr, &r.z)
	var scaled jacobian
	scaled.x.mul(&q.x, &rr)
	scaled.y.mul(&q.y, &rrr)
	scaled.z = q.z
	scaled.add(&scaled, &affine{r.x, r.y})
	if !scaled.infinite() {
		scaled.z.mul(&scaled.z, &r.z)
	}
	*p = scaled
}
