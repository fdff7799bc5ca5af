package lab

import (
	"fmt"
	"os/exec"
)

// Topology is how a lab's channels run.
type Topology string

const (
	Line Topology = "line" // 0–1–2–…
	Ring Topology = "ring" // a line whose ends meet
	Star Topology = "star" // 0 with everybody
	Mesh Topology = "mesh" // everybody with everybody
)

// ParseTopology knows the four names.
func ParseTopology(s string) (Topology, error) {
	switch t := Topology(s); t {
	case Line, Ring, Star, Mesh:
		return t, nil
	}
	return "", fmt.Errorf("the topology %q is none of line, ring, star, mesh", s)
}

// Edges lists the channels among n nodes: from the one that opens to the one that accepts.
func (t Topology) Edges(n int) (edges [][2]int) {
	switch t {
	case Star:
		for i := 1; i < n; i++ {
			edges = append(edges, [2]int{0, i})
		}
	case Mesh:
		for i := range n {
			for j := i + 1; j < n; j++ {
				edges = append(edges, [2]int{i, j})
			}
		}
	default:
		for i := 1; i < n; i++ {
			edges = append(edges, [2]int{i - 1, i})
		}
		if t == Ring && n > 2 {
			edges = append(edges, [2]int{n - 1, 0})
		}
	}
	return edges
}

func lookPath(name string) (string, error) { return exec.LookPath(name) }
