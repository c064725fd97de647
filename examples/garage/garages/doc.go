// Package garages is parking garages: cars enter and leave, and are charged for the time between.
package garages
