package curve

import "sync"

// odds are the odd multiples 1·p, 3·p … 15·p of a point p.
type odds [8]affine

// oddMultiples computes odds without an inversion, on another curve: the points of the table are those of ours with x times z² and y
// times z³. The formulas for addition do not know which of these curves they are on: whoever has summed points of the table
// multiplies the sum's z by z. It does not branch; p is no secret anyhow.
func oddMultiples(p *affine) (table odds, z element) {
	base := p.jacobian()
	var twice jacobian
	twice.double(&base)
	// On the curve where 2p is affine.
	step := affine{twice.x, twice.y}
	var zz, zzz element
	zz.square(&twice.z)
	zzz.mul(&zz, &twice.z)
	var sums [len(table)]jacobian
	var ratios [len(table)]element // of one's z to that before
	sums[0] = jacobian{z: one}
	sums[0].x.mul(&p.x, &zz)
	sums[0].y.mul(&p.y, &zzz)
	for i := 1; i < len(sums); i++ {
		ratios[i] = sums[i].join(&sums[i-1], &step)
	}
	// All are brought to the z of the last, which is each one's own times the ratios that follow.
	z.mul(&sums[len(sums)-1].z, &twice.z)
	factor := one
	for i := len(sums) - 1; i >= 0; i-- {
		table[i] = (&jacobian{x: sums[i].x, y: sums[i].y}).scaled(&factor)
		factor.mul(&factor, &ratios[i])
	}
	return table, z
}

// pick reads entry place of the table in a time that does not tell which.
func (t *odds) pick(place uint64) (p affine) {
	for i := range t {
		d := uint64(i) ^ place
		p.move(-((d - 1) >> 63), &t[i])
	}
	return p
}

const (
	byteWindows = 32
	oddWindows  = 64
)

// baseTable are multiples of the generator.
type baseTable struct {
	bytes [byteWindows][255]affine // bytes[i][d-1] = d·256ⁱ·G, for scalars that are public
	odds  [oddWindows]odds         // odds[i][j] = (2j+1)·16ⁱ·G, for secret ones
}

// base is computed when first asked for, in a few milliseconds.
var base = sync.OnceValue(func() *baseTable {
	t := new(baseTable)
	start := generator
	row := make([]jacobian, 256)
	points := make([]affine, 256)
	for i := range t.bytes {
		row[0] = start.jacobian()
		for d := 1; d < 256; d++ {
			row[d].add(&row[d-1], &start)
		}
		normalize(points, row)
		copy(t.bytes[i][:], points)
		start = points[255]
		for j := range t.odds[0] {
			t.odds[2*i][j] = points[2*j]
			t.odds[2*i+1][j] = points[16*(2*j+1)-1]
		}
	}
	return t
})
