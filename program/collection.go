package program

// collection returns the plural of the aggregates that a user calls by their name or plural.
func (p *program) collection(called string) (string, error) {
	a, err := p.definitions.Called(called)
	if err != nil {
		return "", err //nolint:wrapcheck // it says what there is
	}
	return a.Named().Plural, nil
}
