package installation

import "refold/projections"

// Projections returns the read models of the program that are projections, in the order of the definitions.
func (i *Installation) Projections() (all []projections.Projection) {
	for _, m := range i.Definitions.ReadModels {
		if p, is := m.(projections.Projection); is {
			all = append(all, p)
		}
	}
	return all
}
